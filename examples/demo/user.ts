import { HttpClient } from "../../test/support/http-client.js";
import type { SessionView } from "./app.js";
import { instancesPerApp } from "./instances.js";

/** What became of a request. */
export interface Answer {
  /** Absent when there was no answer. */
  readonly status?: number;
  /** The answer's JSON, of a request that succeeded. */
  readonly view?: SessionView;
  /** Milliseconds. */
  readonly waited: number;
}

/** Whether a request failed, as its user sees it: no answer, or an error of the server. */
export function hasFailed({ status }: Answer): boolean {
  return status === undefined || status >= 500;
}

/** One person with one session: every request carries the cookie of the sign-in, whatever came since. */
export class User {
  readonly name: string;
  readonly #base: URL;
  readonly #client: HttpClient;
  #cookies: readonly (readonly [string, string])[] = [];

  private constructor(base: URL, name: string) {
    this.name = name;
    this.#base = base;
    this.#client = new HttpClient(base);
  }

  /** Signs somebody in. Rejects when that fails: nothing can be measured then. */
  static async signIn(base: URL, name: string): Promise<User> {
    const user = new User(base, name);
    const { status, view } = await user.ask("POST", `login?user=${encodeURIComponent(name)}`);
    if (view?.user !== name) throw new Error(`${name} could not sign in (status ${status ?? "none"})`);
    user.#cookies = [...user.#client.cookies];
    return user;
  }

  /** Another connection of the same person, for requests in parallel. */
  tab(): User {
    const tab = new User(this.#base, this.name);
    tab.#cookies = this.#cookies;
    return tab;
  }

  /** Sends a request through the balancer; never rejects. */
  async ask(method: "GET" | "POST", path: string): Promise<Answer> {
    const { cookies } = this.#client;
    cookies.clear();
    for (const [name, value] of this.#cookies) cookies.set(name, value);
    const began = performance.now();
    const response = await this.#client
      .request({ method, path: `${this.#base.pathname}${path}`, ...(method === "POST" ? { body: "" } : {}) })
      .catch(() => undefined);
    const waited = performance.now() - began;
    if (response === undefined) return { waited };
    const { status, text } = response;
    return { status, waited, ...(status < 400 ? { view: JSON.parse(text) as SessionView } : {}) };
  }

  /** The session as every instance knows it; `running` says how many there are to ask. */
  async viewsOfAll(running: number = instancesPerApp): Promise<readonly SessionView[]> {
    const views = new Map<string, SessionView>();
    // The balancer takes them in turn, so a few rounds reach all.
    for (let turn = 0; views.size < running && turn < running * 20; turn += 1) {
      const { view } = await this.ask("GET", "session");
      if (view !== undefined) views.set(view.servedBy, view);
    }
    if (views.size < running) throw new Error(`only ${views.size} of ${running} instances answered`);
    return [...views.values()];
  }

  /** Closes the connection. */
  leave(): void {
    this.#client.close();
  }
}
