import { ConfigError, type ConfigProblem } from "../core/errors.js";
import type { Notice } from "./backend-config.js";

/**
 * Collects what is wrong and what is worth saying, so that all mistakes are told at once.
 *
 * No message may hold a secret: callers name the variable and what was expected, and repeat a value only when it
 * cannot be one.
 */
export class Report {
  readonly #problems: ConfigProblem[] = [];
  readonly #notices: Notice[] = [];

  problem(code: string, message: string, help?: string): void {
    if (this.#problems.some((known) => known.code === code && known.message === message)) return;
    this.#problems.push(help === undefined ? { code, message } : { code, message, help });
  }

  /** Notes something to be said at start; one code is said once, so a second message is joined to the first. */
  notice(code: string, message: string, help?: string): void {
    const index = this.#notices.findIndex((known) => known.code === code);
    const said = this.#notices[index];
    if (said?.message.split("; ").includes(message) === true) return;
    if (said !== undefined) this.#notices[index] = { ...said, message: `${said.message}; ${message}` };
    else this.#notices.push(help === undefined ? { code, message } : { code, message, help });
  }

  /** Runs a reader that throws `ConfigError`; its problems are collected and `undefined` returned. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { code, message, help } of error.problems) this.problem(code, message, help);
      return undefined;
    }
  }

  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  get notices(): readonly Notice[] {
    return this.#notices;
  }
}
