import type { NodeAddress } from "../../config/backend-config.js";
import { backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
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
  /** The echo that is to come back, with the wall clock when it was sent. */
  #awaited: { readonly echo: number; readonly sentAt: number } | undefined;
  #started = false;
  #listening = false;
  #closed = false;
  /** The wall clock when an echo that came back was sent; nothing published before it was missed. */
  #provenAt: number | undefined;
  #reason = "";
  /** Why it does not listen although somebody wants it to; undefined while all is well. */
  trouble: Error | undefined;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  /** The server that it listens to now. */
  get address(): string | undefined {
    return this.#listening ? this.#at : undefined;
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
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
    if (this.#at === from) this.#connection?.destroy(new Error(`${from} is not the primary any more`));
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
    this.#at = addressText(address);
    try {
      const connection = await Connection.open(this.#options.connect(address));
      if (this.#closed) return connection.destroy();
      this.#connection = connection;
      connection.onEnd((reason) => this.#lost(reason));
      connection.onMessage((channel, text) => this.#hear(channel, text));
      const wanted = [...this.#listeners.keys()];
      await connection.send("subscribe", [...new Set([this.#options.mailbox, ...wanted])]);
      if (connection !== this.#connection) return;
      // Those that came while the server answered.
      const late = [...this.#listeners.keys()].filter((channel) => !wanted.includes(channel));
      if (late.length > 0) await connection.send("subscribe", late);
      if (connection === this.#connection) this.#begin();
    } catch (error) {
      const explained = this.#options.explain(error as Error, address);
      if (this.#connection === undefined) this.#failed(explained);
      else this.#connection.destroy(explained);
    }
  }

  #begin(): void {
    const { clock, onGap, onChange } = this.#options;
    this.#backoff.reset();
    this.#listening = true;
    this.trouble = undefined;
    const now = clock.now();
    const from = this.#provenAt;
    this.#provenAt = now;
    onChange();
    if (from !== undefined) onGap({ from: Math.min(from, now), to: now, reason: this.#reason });
    for (const listener of [...this.#listeners.values()].flatMap((listeners) => [...listeners])) this.#gapOf(listener);
    void this.#sendEcho();
  }

  #lost(reason: Error): void {
    this.#connection = undefined;
    this.#awaited = undefined;
    this.#echoTimer?.cancel();
    if (this.#listening) this.#reason = reason.message;
    this.#listening = false;
    if (!this.#closed) this.#failed(reason);
  }

  #failed(error: Error): void {
    this.trouble = error;
    this.#options.onChange();
    this.#plan(Math.max(leastReconnectDelay, this.#backoff.next()));
  }

  #hear(channel: string, text: string): void {
    if (channel === this.#options.mailbox && text.startsWith(echoPrefix)) {
      this.#heard = Math.max(this.#heard, Number(text.slice(echoPrefix.length)));
      if (this.#awaited !== undefined && this.#heard >= this.#awaited.echo) this.#prove(this.#awaited.sentAt);
      return;
    }
    for (const listener of this.#listeners.get(channel) ?? []) this.#tell(() => listener.message(text));
  }

  async #sendEcho(): Promise<void> {
    const { clock, mailbox, publish } = this.#options;
    const connection = this.#connection;
    const echo = (this.#echo += 1);
    const sentAt = clock.now();
    const isTaken = await publish(mailbox, `${echoPrefix}${echo}`, echoLimit).then(
      () => true,
      () => false,
    );
    if (connection !== this.#connection || this.#closed) return;
    // Without a command connection the echo proves nothing, neither way.
    if (!isTaken) return this.#planEcho(echoAgainAfter, () => void this.#sendEcho());
    if (this.#heard >= echo) return this.#prove(sentAt);
    this.#awaited = { echo, sentAt };
    this.#planEcho(echoLimit, () => {
      // A process that was busy itself has not read the echo yet: let this turn's input be read before judging.
      setImmediate(() => {
        if (this.#awaited?.echo === echo) connection?.destroy(new Error(`no echo within ${echoLimit} ms`));
      });
    });
  }

  #prove(sentAt: number): void {
    this.#awaited = undefined;
    this.#provenAt = sentAt;
    this.#planEcho(echoEvery, () => void this.#sendEcho());
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
    if (connection === this.#connection && this.#listeners.get(channel)?.has(listener) === true) this.#gapOf(listener);
  }

  #leave(channel: string, listener: ChannelListener): void {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(channel);
    if (channel === this.#options.mailbox || !this.#listening) return;
    this.#connection?.send("unsubscribe", [channel]).catch(() => undefined);
  }

  #gapOf(listener: ChannelListener): void {
    this.#tell(() => listener.gap());
  }

  #tell(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.onListenerError(error);
    }
  }
}
