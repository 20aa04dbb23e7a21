import type { NodeAddress } from "../../config/backend-config.js";
import { backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import { isFleetError } from "../../core/errors.js";
import { TrustWindow, type TrustMark } from "../../core/trust-window.js";
import type { ChannelListener, Gap } from "../backend.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { addressText } from "./node.js";

/** What the subscriber is made of. */
export interface SubscriberOptions {
  readonly clock: Clock;
  /** The channel of this process, on which its echo comes back. */
  readonly mailbox: string;
  /** Where to listen now, rather not at `left`; undefined while no server is known. */
  readonly pick: (left: string | undefined) => NodeAddress | undefined;
  readonly connect: (address: NodeAddress) => ConnectionOptions;
  /** Says what a failed attempt really met. */
  readonly explain: (error: Error, address: NodeAddress) => Error;
  /** Publishes over a command connection, each time by way of another server where there are several. */
  readonly publish: (channel: string, message: string, limit: number) => Promise<void>;
  readonly onGap: (gap: Gap) => void;
  /** It listens again, or does not any more. */
  readonly onChange: () => void;
  /** Told when a listener throws. */
  readonly onListenerError: (error: unknown) => void;
}

const reconnect = { base: 50, cap: 2_000 };
const leastReconnectDelay = 10;
const echoEvery = 5_000;
const echoAgainAfter = 1_000;
const echoLimit = 2_000;
const echoPrefix = "echo|";
const subscribeLimit = 2_000;

/**
 * The one connection of a process that receives messages; it opens with the first listener and ends with the backend.
 *
 * A subscriber that hears nothing looks like one to which nobody speaks. So every five seconds the process publishes an
 * echo to its own mailbox over a command connection; one that was taken and does not come back within two seconds ends
 * the connection. After every interruption all channels are subscribed anew before the gap is announced: whoever then
 * looks at the truth hears everything that comes after.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #backoff = backoff(reconnect);
  readonly #listeners = new Map<string, Set<ChannelListener>>();
  #connection: Connection | undefined;
  #at: string | undefined;
  #timer: Timer | undefined;
  #echoTimer: Timer | undefined;
  #echo = 0;
  #heard = 0;
  /** The echo that is to come back, and when it was sent. */
  #awaited: { readonly echo: number; readonly sentAt: TrustMark } | undefined;
  #started = false;
  #listening = false;
  #closed = false;
  /** When an echo that came back was sent: what was published before it is not missed. */
  readonly #proven: TrustWindow;
  #reason = "";
  /** Why it does not listen although somebody wants it to; undefined while all is well. */
  trouble: Error | undefined;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#proven = new TrustWindow(options.clock);
  }

  /** The server that it listens to now. */
  get address(): string | undefined {
    return this.#listening ? this.#at : undefined;
  }

  subscribe(channel: string, wanted: ChannelListener): () => void {
    // One of its own for each call: the same listener may listen twice, and each end is that of its own listening.
    const listener = { message: (text: string) => wanted.message(text), gap: () => wanted.gap() };
    const listeners = this.#listeners.get(channel);
    if (listeners === undefined) this.#listeners.set(channel, new Set([listener]));
    else listeners.add(listener);
    if (!this.#started) {
      this.#started = true;
      void this.#open();
    }
    if (this.#listening) void this.#join(channel, listener, listeners === undefined);
    return () => this.#leave(channel, listener);
  }

  /** Listens elsewhere if it listens to this server, which is not the primary any more. */
  move(from: string): void {
    if (this.#at !== from) return;
    // Also tells an attempt that is under way.
    this.#at = undefined;
    this.#connection?.destroy(new Error(`${from} is not the primary any more`));
  }

  close(): void {
    this.#closed = true;
    this.#listening = false;
    this.#timer?.cancel();
    this.#echoTimer?.cancel();
    this.#connection?.destroy();
    this.#listeners.clear();
  }

  #plan(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#open(), delay);
  }

  async #open(): Promise<void> {
    if (this.#closed) return;
    const address = this.#options.pick(this.#at);
    if (address === undefined) return this.#failed(new Error("no server is known to listen to"));
    const at = addressText(address);
    this.#at = at;
    let connection: Connection;
    try {
      connection = await Connection.open(this.#options.connect(address));
    } catch (error) {
      return this.#failed(this.#options.explain(error as Error, address));
    }
    if (this.#closed) return connection.destroy();
    if (this.#at !== at) {
      connection.destroy();
      return this.#failed(new Error(`${at} is not the primary any more`));
    }
    this.#connection = connection;
    connection.onEnd((reason) => this.#lost(reason));
    connection.onMessage((channel, text) => this.#hear(channel, text));
    try {
      await this.#joinAll(connection);
    } catch (error) {
      if (connection === this.#connection) connection.destroy(this.#options.explain(error as Error, address));
    }
  }

  /** Subscribes to all that is listened to, also to what is joined while the server answers; then the listening begins. */
  async #joinAll(connection: Connection): Promise<void> {
    const limit = this.#options.clock.setTimeout(() => {
      const silent = new Error(`no answer to SUBSCRIBE within ${subscribeLimit} ms`);
      // A process that was busy itself has not read the answer yet: let this turn's input be read before judging.
      setImmediate(() => {
        if (!this.#listening && connection === this.#connection) connection.destroy(silent);
      });
    }, subscribeLimit);
    const { mailbox } = this.#options;
    const joined = new Set<string>();
    const missing = (): string[] =>
      [...new Set([mailbox, ...this.#listeners.keys()])].filter((channel) => !joined.has(channel));
    try {
      for (let channels = missing(); channels.length > 0; channels = missing()) {
        await connection.send("subscribe", channels);
        for (const channel of channels) joined.add(channel);
      }
    } finally {
      limit.cancel();
    }
    const left = [...joined].filter((channel) => channel !== mailbox && !this.#listeners.has(channel));
    if (left.length > 0) connection.send("unsubscribe", left).catch(() => undefined);
    // In this turn: what is joined from now on is subscribed to by whoever joins it.
    if (connection === this.#connection) this.#begin();
  }

  #begin(): void {
    const { clock, onGap, onChange } = this.#options;
    this.#backoff.reset();
    this.#listening = true;
    this.trouble = undefined;
    const now = clock.now();
    const missed = this.#proven.elapsed;
    this.#proven.confirm(this.#proven.mark());
    onChange();
    if (missed !== Number.POSITIVE_INFINITY) onGap({ from: now - missed, to: now, reason: this.#reason });
    for (const [channel, listeners] of [...this.#listeners]) {
      for (const listener of [...listeners]) this.#tell(channel, listener, () => listener.gap());
    }
    void this.#sendEcho();
  }

  #lost(reason: Error): void {
    this.#connection = undefined;
    this.#awaited = undefined;
    this.#echoTimer?.cancel();
    if (this.#listening) this.#reason = reason.message;
    this.#listening = false;
    this.#failed(reason);
  }

  #failed(error: Error): void {
    if (this.#closed) return;
    this.trouble = error;
    this.#options.onChange();
    this.#plan(Math.max(leastReconnectDelay, this.#backoff.next()));
  }

  #hear(channel: string, text: string): void {
    if (channel === this.#options.mailbox && text.startsWith(echoPrefix)) {
      // Only the last one tells anything: an older one comes late, and another one is not of this process.
      if (text !== `${echoPrefix}${this.#echo}`) return;
      this.#heard = this.#echo;
      if (this.#awaited?.echo === this.#heard) this.#prove(this.#awaited.sentAt);
      return;
    }
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) {
      this.#tell(channel, listener, () => listener.message(text));
    }
  }

  async #sendEcho(): Promise<void> {
    const { mailbox, publish } = this.#options;
    const connection = this.#connection;
    const echo = (this.#echo += 1);
    const sentAt = this.#proven.mark();
    const refusal = await publish(mailbox, `${echoPrefix}${echo}`, echoLimit).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (connection !== this.#connection || this.#closed) return;
    if (this.#heard === echo) return this.#prove(sentAt);
    if (refusal !== undefined) {
      // Without a command connection the echo proves nothing, neither way; one that is forbidden never will.
      if (isFleetError(refusal) && !refusal.retryable) this.#judge(refusal);
      return this.#planEcho(echoAgainAfter, () => void this.#sendEcho());
    }
    this.#awaited = { echo, sentAt };
    this.#planEcho(echoLimit, () => {
      // A process that was busy itself has not read the echo yet: let this turn's input be read before judging.
      setImmediate(() => {
        if (this.#awaited?.echo === echo) connection?.destroy(new Error(`no echo within ${echoLimit} ms`));
      });
    });
  }

  #prove(sentAt: TrustMark): void {
    this.#awaited = undefined;
    this.#proven.confirm(sentAt);
    this.#judge(undefined);
    this.#planEcho(echoEvery, () => void this.#sendEcho());
  }

  #judge(trouble: Error | undefined): void {
    if (this.trouble?.message === trouble?.message) return;
    this.trouble = trouble;
    this.#options.onChange();
  }

  #planEcho(delay: number, act: () => void): void {
    this.#echoTimer?.cancel();
    this.#echoTimer = this.#options.clock.setTimeout(act, delay);
  }

  async #join(channel: string, listener: ChannelListener, isNew: boolean): Promise<void> {
    const connection = this.#connection;
    try {
      // Also for a channel that is subscribed already: the answer says that what comes after it is heard.
      if (isNew || channel !== this.#options.mailbox) await connection?.send("subscribe", [channel]);
    } catch (error) {
      if (connection === this.#connection) connection?.destroy(error as Error);
      return;
    }
    if (connection === this.#connection) this.#tell(channel, listener, () => listener.gap());
  }

  #leave(channel: string, listener: ChannelListener): void {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(channel);
    if (channel === this.#options.mailbox || !this.#listening) return;
    this.#connection?.send("unsubscribe", [channel]).catch(() => undefined);
  }

  #tell(channel: string, listener: ChannelListener, act: () => void): void {
    // One that another listener has just ended hears nothing more.
    if (this.#listeners.get(channel)?.has(listener) !== true) return;
    try {
      act();
    } catch (error) {
      this.#options.onListenerError(error);
    }
  }
}
