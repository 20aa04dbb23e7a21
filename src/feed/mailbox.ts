import { randomBytes } from "node:crypto";
import type { Backend, CallOptions } from "../backend/backend.js";
import type { Clock, Timer } from "../core/clock.js";
import { ClosedError, UnavailableError } from "../core/errors.js";

/** What became of a letter. `nobody`: no instance of that id took it in time. `silent`: it was taken, and no answer came in time. */
export type Delivery =
  | { readonly status: "answered"; readonly answer: string }
  | { readonly status: "nobody" }
  | { readonly status: "silent" };

/** A letter as it arrives. */
export interface Letter {
  /** The instance that sent it. */
  readonly from: string;
  readonly payload: string;
}

/** Answers a letter; what it throws is reported, and the sender hears nothing. */
export type LetterHandler = (letter: Letter) => string | undefined | Promise<string | undefined>;

/** What a mailbox is made of. */
export interface MailboxOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

interface Waiting {
  taken: boolean;
  /** Otherwise all that matters is whether it is taken. */
  readonly wantsAnswer: boolean;
  readonly settle: (delivery: Delivery) => void;
}

const takenLimit = 1_000;

/**
 * The only way to reach one instance: letters to it, by a room and a kind, delivered at most once.
 *
 * The mailbox of the receiver confirms a letter before its handler runs, so that the sender knows whether anybody was there.
 * A message is `<room>|<kind>|<sender>|<number>|<payload>`; the room `` (empty) carries confirmations and answers. A script
 * may write one with an empty number, to whoever it finds stored: it is handled, and neither confirmed nor answered.
 */
export class Mailbox {
  readonly #options: MailboxOptions;
  readonly #handlers = new Map<string, LetterHandler>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = randomBytes(4).toString("base64url");
  readonly #end: () => void;
  #number = 0;
  #begin: () => void = () => undefined;
  #closed = false;
  /** Resolves when letters are heard for the first time, or the mailbox is closed before that; never rejects. */
  readonly listening: Promise<void>;

  constructor(options: MailboxOptions) {
    this.#options = options;
    const { backend } = options;
    this.listening = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#end = backend.subscribe(backend.keys.mailChannel(backend.instanceId), {
      message: (text) => this.#take(text),
      // A letter that was missed is one that nobody took; its sender finds out.
      gap: () => this.#begin(),
    });
  }

  /** Handles letters of a room and a kind, of which names have no `|`; the returned function ends that. */
  on(room: string, kind: string, handler: LetterHandler): () => void {
    const name = `${room}|${kind}`;
    if (this.#handlers.has(name)) throw new TypeError(`letters of ${name} have a handler already`);
    this.#handlers.set(name, handler);
    return () => void this.#handlers.delete(name);
  }

  /**
   * Sends a letter and waits for its answer, `limit` milliseconds at most; without a second's confirmation nobody was there.
   * Rejects when the backend does not take the message, when this process does not hear any in that time, and when the
   * mailbox is closed.
   */
  ask(to: string, room: string, kind: string, payload: string, limit: number): Promise<Delivery> {
    return this.#deliver(to, `${room}|${kind}`, payload, limit, true);
  }

  /** Sends a letter that wants no answer; whether anybody took it within a second. Rejects as `ask` does. */
  async send(to: string, room: string, kind: string, payload: string): Promise<boolean> {
    const { status } = await this.#deliver(to, `${room}|${kind}`, payload, takenLimit, false);
    return status !== "nobody";
  }

  close(): void {
    this.#closed = true;
    this.#begin();
    this.#end();
    for (const { taken, settle } of this.#waiting.values()) settle({ status: taken ? "silent" : "nobody" });
  }

  async #deliver(to: string, subject: string, payload: string, limit: number, wantsAnswer: boolean): Promise<Delivery> {
    const { backend, clock } = this.#options;
    const end = clock.monotonic() + limit;
    const left = (): number => end - clock.monotonic();
    await this.#untilListening(limit);
    if (this.#closed) throw new ClosedError();
    const number = `${this.#prefix}${(this.#number += 1)}`;
    let timer: Timer | undefined;
    try {
      return await new Promise<Delivery>((resolve, reject) => {
        const waiting: Waiting = { taken: false, wantsAnswer, settle: resolve };
        this.#waiting.set(number, waiting);
        const look = (within: number): void => {
          timer = clock.setTimeout(() => {
            if (!waiting.taken) resolve({ status: "nobody" });
            else if (left() <= 0) resolve({ status: "silent" });
            else look(left());
          }, within);
        };
        const message = `${subject}|${backend.instanceId}|${number}|${payload}`;
        backend.publish(backend.keys.mailChannel(to), message, { deadline: left() }).then(() => {
          // While the backend was away nobody could take it.
          if (this.#waiting.has(number)) look(Math.min(left(), takenLimit));
        }, reject);
      });
    } finally {
      timer?.cancel();
      this.#waiting.delete(number);
    }
  }

  /** Before that no answer would reach this process, and it would take everybody for absent. */
  async #untilListening(limit: number): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new UnavailableError(`this process did not hear any messages within ${limit} ms`);
      timer = this.#options.clock.setTimeout(() => reject(error), limit);
    });
    try {
      await Promise.race([this.listening, late]);
    } finally {
      timer?.cancel();
    }
  }

  #take(text: string): void {
    const [room = "", kind = "", from = "", number = "", ...rest] = text.split("|");
    if (rest.length === 0) return;
    const payload = rest.join("|");
    if (room === "") return this.#settle(kind, number, payload);
    const handler = this.#handlers.get(`${room}|${kind}`);
    if (handler !== undefined) void this.#handle(handler, { from, payload }, number);
  }

  #settle(kind: string, number: string, payload: string): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    if (kind === "taken") {
      waiting.taken = true;
      if (!waiting.wantsAnswer) waiting.settle({ status: "silent" });
    }
    if (kind === "answer") waiting.settle({ status: "answered", answer: payload });
  }

  async #handle(handler: LetterHandler, letter: Letter, number: string): Promise<void> {
    try {
      // A script wrote it: nobody waits to hear that it came.
      if (number === "") return void (await handler(letter));
      // Its sender waits no longer than that to know; then nobody took it.
      await this.#reply("taken", letter.from, number, "", { deadline: takenLimit });
      const answer = await handler(letter);
      if (answer !== undefined) await this.#reply("answer", letter.from, number, answer);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #reply(kind: "taken" | "answer", to: string, number: string, payload: string, options?: CallOptions): Promise<void> {
    const { backend } = this.#options;
    const message = `|${kind}|${backend.instanceId}|${number}|${payload}`;
    return backend.publish(backend.keys.mailChannel(to), message, options);
  }
}
