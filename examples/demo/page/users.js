import { Tally } from "./tally.js";
import { Waits } from "./waits.js";

const users = 12;
/** Milliseconds that an addition takes in the app, as one does that asks a database: so that both tabs' really meet. */
const work = 40;
const rest = 120;
const answerLimit = 20_000;

/** The users of one app, one after the other, without an end. */
export class Users {
  tally = new Tally();
  waits = new Waits();
  #app;
  #names;
  #paused = false;
  #afresh = true;

  constructor(app, page) {
    this.#app = app;
    this.#names = Array.from({ length: users }, (_, index) => `${page}-${index + 1}`);
    this.tally.begin(this.#names);
  }

  get paused() {
    return this.#paused;
  }

  set paused(value) {
    this.#paused = value;
  }

  /** Everybody signs in again, and all numbers begin at 0. */
  beginAfresh() {
    this.#afresh = true;
  }

  async work() {
    for (let turn = 0; ; turn += 1) {
      if (this.#afresh) await this.#signIn();
      if (!this.#paused) await this.#takeTurn(this.#names[turn % users]);
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }

  async #signIn() {
    this.#afresh = false;
    for (const name of this.#names) {
      // Nothing was counted yet for who is not in; the next round tries again.
      if ((await this.#ask(name, "POST", `login?user=${name}`))?.user !== name) this.#afresh = true;
    }
    if (this.#afresh) return;
    this.tally.begin(this.#names);
    this.waits.reset();
  }

  async #takeTurn(name) {
    if (this.#afresh) return;
    await Promise.all([this.#add(name), this.#add(name)]);
    const view = await this.#ask(name, "GET", "session");
    if (view !== undefined) this.tally.read(name, view);
  }

  async #add(name) {
    if ((await this.#ask(name, "POST", `count?work=${work}`)) !== undefined) this.tally.added(name);
  }

  /** The answer; undefined when the request failed. */
  async #ask(name, method, path) {
    const request = this.waits.begin(performance.now());
    let view;
    try {
      const signal = AbortSignal.timeout(answerLimit);
      const response = await fetch(`/users/${name}/${this.#app}/${path}`, { method, signal });
      if (response.ok) view = await response.json();
    } catch {
      // No answer, or one that broke off: it failed.
    }
    this.waits.end(request, performance.now(), view === undefined);
    return view;
  }
}
