import { find, write } from "./elements.js";
import { seconds } from "./words.js";

const names = { ours: "express-fleet", usual: "usual" };
/** The numbers of a press are told once nobody has waited longer than this for a while. */
const longWait = 1_000;
const quietAfter = 4_000;

/** What the last button did, and what users have noticed since. */
export class Outcome {
  #users;
  #pressedAt = -Infinity;
  #pressedDate = 0;
  #text = "";
  /** Its effects are still of interest. */
  #isOpen = false;
  #isTold = true;

  constructor(users) {
    this.#users = users;
  }

  /** Milliseconds since the last press that was sent. */
  age(now) {
    return now - this.#pressedAt;
  }

  /** A press was sent. */
  begin(text, now) {
    this.#pressedAt = now;
    this.#pressedDate = Date.now();
    this.#isOpen = true;
    this.#isTold = false;
    for (const { waits } of Object.values(this.#users)) waits.mark(now);
    write(find("summary"), "");
    this.#say(text);
  }

  /** What came of it. */
  end({ text, isDone }) {
    if (isDone) this.#say(text);
    else this.refuse(text);
  }

  /** Nothing was done, and this is why. */
  refuse(text) {
    this.#isOpen = false;
    write(find("since"), "");
    this.#say(text);
  }

  /** Adds what made up for a server that was killed. */
  follow(events) {
    const takeover = events.find(({ kind, at }) => kind === "takeover" && at >= this.#pressedDate);
    if (this.#isOpen && takeover !== undefined) write(find("outcome"), `${this.#text} ${takeover.text}.`);
  }

  show(now) {
    if (!this.#isOpen) return;
    const noticed = Object.entries(this.#users).map(([app, { waits }]) => {
      const { failed, longest } = waits.since(now);
      return `${names[app]} ${failed} failed, longest wait ${seconds(longest)}`;
    });
    write(find("since"), `Users since then (${Math.round(this.age(now) / 1_000)} s): ${noticed.join(" · ")}`);
    const waiting = Object.values(this.#users).some(({ waits }) => waits.waiting(now) > longWait);
    if (this.#isTold || waiting || this.age(now) < quietAfter) return;
    this.#isTold = true;
    write(find("summary"), `Users noticed: ${noticed.join("; ")}.`);
  }

  #say(text) {
    this.#text = text;
    write(find("outcome"), text);
    find("dock").classList.remove("empty");
  }
}
