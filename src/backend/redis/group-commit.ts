import type { Clock } from "../../core/clock.js";
import type { Connection } from "./connection.js";
import { classify } from "./reply-errors.js";
import { parseInfo } from "./server-info.js";

/** How many replicas: a number, or as many as the server says are connected to it, at least one. */
export type Copies = number | "connected";

/** What a script answered, and what WAIT said after it. */
export interface Committed<T> extends Outcome {
  readonly reply: T;
}

export interface GroupCommitOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Makes the error for the calls whose server does not allow WAIT. */
  readonly refused: (error: Error) => Error;
  /** The next scripts can be sent. */
  readonly onFree: () => void;
}

/** How many replicas were to have it, and how many have. */
interface Outcome {
  readonly asked: number;
  readonly had: number;
}

/** One script that waits. */
class Member {
  readonly copies: Copies;
  readonly until: number;
  readonly replicated: Promise<Outcome>;
  resolve: (outcome: Outcome) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor(copies: Copies, until: number) {
    this.copies = copies;
    this.until = until;
    this.replicated = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // When the script itself fails that is the answer, and nobody asks for this one.
    this.replicated.catch(() => undefined);
  }
}

// Under a second, so that a connection whose replicas lag is not taken for one whose server is silent.
const longestWait = 400;

/**
 * Has the scripts of one connection wait for replicas together: those of one turn of the event loop share a WAIT, and
 * while that is in flight nothing is sent, because WAIT blocks the connection.
 *
 * A WAIT is short. Scripts that are not on enough replicas by then, and have time left, go with the next one; so nobody who
 * comes later waits for the longest of those before him.
 */
export class GroupCommit {
  readonly connection: Connection;
  readonly #options: GroupCommitOptions;
  readonly #members = new Set<Member>();
  #planned = false;
  #waiting = false;
  #connected: number;

  constructor(options: GroupCommitOptions) {
    this.connection = options.connection;
    this.#options = options;
    this.#connected = options.connection.info?.replicas ?? 0;
  }

  /** Whether a script can be sent now. */
  get free(): boolean {
    return !this.#waiting;
  }

  /** Whether somebody waits for replicas. */
  get pending(): boolean {
    return this.#members.size > 0;
  }

  /** Sends a script and resolves when so many replicas have it, or `within` milliseconds are over; rejects as the script does. */
  async run<T>(send: () => Promise<T>, copies: Copies, within: number): Promise<Committed<T>> {
    // Before the script is written: the WAIT then joins it ahead of the moment in which the connection lets go of both.
    this.#plan();
    const member = new Member(copies, this.#options.clock.monotonic() + within);
    this.#members.add(member);
    try {
      const reply = await send();
      return { reply, ...(await member.replicated) };
    } finally {
      this.#members.delete(member);
    }
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => void this.#wait());
  }

  async #wait(): Promise<void> {
    this.#planned = false;
    const members = [...this.#members];
    if (members.length === 0) return;
    this.#waiting = true;
    try {
      const had = await this.#ask(members);
      this.#settle(members, had);
    } catch (error) {
      this.#fail(members, error as Error);
    }
    this.#waiting = false;
    this.#options.onFree();
    if (this.pending) this.#plan();
  }

  async #ask(members: readonly Member[]): Promise<number> {
    const { connection } = this;
    const left = Math.min(...members.map(({ until }) => until)) - this.#options.clock.monotonic();
    // Zero would be for ever.
    const timeout = Math.max(1, Math.ceil(Math.min(left, longestWait)));
    const told = members.some(({ copies }) => copies === "connected") ? this.#askConnected() : undefined;
    const asked = Math.max(...members.map(({ copies }) => this.#number(copies)));
    const [had] = await Promise.all([connection.send("wait", [asked, timeout]), told]);
    return Number(had);
  }

  /** In the same pipeline: a replica that has come since is waited for by the WAIT after this one. */
  async #askConnected(): Promise<void> {
    try {
      this.#connected = parseInfo(String(await this.connection.send("info", ["replication"]))).replicas;
    } catch {
      // Refused: what was known last counts. Lost: the WAIT behind it tells.
    }
  }

  #number(copies: Copies): number {
    return copies === "connected" ? Math.max(1, this.#connected) : copies;
  }

  #settle(members: readonly Member[], had: number): void {
    const now = this.#options.clock.monotonic();
    for (const member of members) {
      const asked = this.#number(member.copies);
      if (had < asked && now < member.until) continue;
      this.#members.delete(member);
      member.resolve({ asked, had });
    }
  }

  #fail(members: readonly Member[], error: Error): void {
    const reason = this.#judge(error);
    for (const member of members) {
      this.#members.delete(member);
      member.reject(reason);
    }
  }

  #judge(error: Error): Error {
    if (classify(error).kind === "permission") return this.#options.refused(error);
    // A server that refuses WAIT is a replica by now: whoever comes next must not find this connection.
    this.connection.destroy(error);
    // Not the refusal itself: the scripts before it were carried out, and count as lost with the connection.
    return new Error("the connection ended before replicas had what was written", { cause: error });
  }
}
