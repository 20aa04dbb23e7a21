import type { NodeAddress } from "../../config/backend-config.js";
import { backoff, type Backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import type { FleetError } from "../../core/errors.js";
import type { ServerTime } from "../backend.js";
import { Breaker } from "./breaker.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import type { SignIn } from "./credentials.js";
import { ServerClock } from "./server-clock.js";
import type { ServerInfo } from "./server-info.js";
import { watchSilence } from "./silence-watch.js";

/** What all nodes of a backend have in common. */
export interface NodeSettings {
  readonly clock: Clock;
  /** How to open a connection to an address. */
  readonly connect: (address: NodeAddress) => ConnectionOptions;
  /** Failing this long opens the breaker; milliseconds. */
  readonly breakerAfter: number;
  /** Says why a server that answered must not be used: a mistake to be mended, or a state that passes. */
  readonly refuse: (info: ServerInfo, address: NodeAddress) => FleetError | undefined;
  /** Says what a failed attempt really met. */
  readonly explain: (error: Error, address: NodeAddress) => FleetError;
  /** Something changed that waiting calls or the router want to know. */
  readonly onChange: (node: Node, what: "ready" | "lost" | "suspect" | "open") => void;
  readonly onReconnect: () => void;
  /** The server refused changed credentials on an open connection, which goes on with the old ones. */
  readonly onSignInRefused: (node: Node, error: Error) => void;
}

const reconnect = { base: 50, cap: 500 };
const leastReconnectDelay = 10;
const fatalRetryEvery = 5_000;
const shortLife = 1_000;
const afterShortLife = { base: 5, cap: 50 };
const authRetryEvery = 1_000;
const passing: ReadonlySet<string> = new Set(["ERR_FLEET_AUTH", "ERR_FLEET_CONFIG_FILE"]);
const askTimeEvery = 30_000;

/** The address as people write it, also the node's id. */
export function addressText(address: NodeAddress): string {
  if (address.path !== undefined) return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * One server that the fleet sends commands to: keeps one connection to it up, with backoff, and ends one that is silent.
 *
 * A frozen server and a half-open socket keep TCP content for minutes. Two seconds without a byte while a command is
 * outstanding end the connection; at rest a heartbeat is such a command, so that it takes five.
 */
export class Node {
  readonly address: NodeAddress;
  readonly id: string;
  readonly breaker: Breaker;
  readonly #settings: NodeSettings;
  readonly #backoff: Backoff = backoff(reconnect);
  readonly #afterShortLife: Backoff = backoff(afterShortLife);
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #endWatch: (() => void) | undefined;
  #serverClock: ServerClock | undefined;
  #askedTimeAt = 0;
  #opening = false;
  #openingSince = 0;
  #connectedAt = 0;
  #closed = false;
  #connectedBefore = false;
  /** Why there is no connection, for the diagnosis; undefined while there is one. */
  lastError: Error | undefined;
  /** Set while the server, or what it was given, is wrong in a way that waiting does not mend. */
  fatal: FleetError | undefined;

  constructor(address: NodeAddress, settings: NodeSettings) {
    this.address = address;
    this.id = addressText(address);
    this.#settings = settings;
    this.breaker = new Breaker(settings.clock, settings.breakerAfter, () => settings.onChange(this, "open"));
    // A turn later: whoever makes the node must be able to hear of what happens to it.
    queueMicrotask(() => this.#open());
  }

  /** The connection, when a command can be written to it now. */
  get connection(): Connection | undefined {
    return this.#connection?.open === true ? this.#connection : undefined;
  }

  get info(): ServerInfo | undefined {
    return this.#connection?.info;
  }

  /** What the server's clock shows now; undefined until it has told. */
  get serverTime(): ServerTime | undefined {
    return this.#serverClock?.now();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the connection because it leads to the wrong place or does not answer; a new one is opened. */
  kill(reason: Error): void {
    this.#connection?.destroy(reason);
  }

  /** The credentials have changed: signs in anew, or, while there is no connection, tries with them at once. */
  signInAnew(signIn: SignIn): void {
    const connection = this.#connection;
    if (connection === undefined) {
      if (!this.#opening && !this.#closed) this.#retry(0);
      return;
    }
    // Redis 5 takes a refused AUTH as signing out; there the next connection has the new credentials.
    if (Number.parseInt(connection.info?.version ?? "", 10) < 6 && connection.info?.flavor === "redis") return;
    connection.signIn(signIn).catch((error: Error) => {
      // A lost connection has refused nothing; the next one signs in with what is valid then.
      if (error.name === "ReplyError") this.#settings.onSignInRefused(this, error);
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#endWatch?.();
    this.breaker.stop();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #open(): void {
    if (this.#closed || this.#opening) return;
    this.#opening = true;
    this.#openingSince = this.#settings.clock.monotonic();
    let options: ConnectionOptions;
    try {
      options = this.#settings.connect(this.address);
    } catch (error) {
      // A secret's file that is away just now, while it is being replaced.
      this.#failed(error as Error);
      return;
    }
    Connection.open(options).then(
      (connection) => this.#opened(connection),
      (error: Error) => this.#failed(error),
    );
  }

  #opened(connection: Connection): void {
    const refusal = connection.info === undefined ? undefined : this.#settings.refuse(connection.info, this.address);
    if (this.#closed || refusal !== undefined) {
      connection.destroy();
      if (refusal !== undefined) this.#failed(refusal);
      return;
    }
    if (!connection.open) {
      this.#failed(new Error("the server closed the connection"));
      return;
    }
    this.#opening = false;
    this.#connection = connection;
    this.#connectedAt = this.#settings.clock.monotonic();
    this.#backoff.reset();
    this.lastError = undefined;
    this.fatal = undefined;
    this.breaker.success();
    if (this.#connectedBefore) this.#settings.onReconnect();
    this.#connectedBefore = true;
    connection.onEnd((reason) => this.#lost(reason));
    this.#endWatch = watchSilence(connection, this.#settings.clock, {
      heartbeat: () => this.#askTime(connection),
      onHeard: () => {
        this.breaker.success();
        // A busy connection is never at rest, and would let what is known of the server's clock grow old.
        if (this.#settings.clock.monotonic() - this.#askedTimeAt >= askTimeEvery) this.#askTime(connection);
      },
      onSuspect: () => this.#settings.onChange(this, "suspect"),
    });
    // Another server may stand behind the same address now.
    this.#serverClock = new ServerClock(this.#settings.clock);
    if (connection.time !== undefined) this.#serverClock.sample(connection.time, this.#openingSince);
    this.#askedTimeAt = this.#settings.clock.monotonic();
    this.#settings.onChange(this, "ready");
  }

  #failed(error: Error): void {
    this.#opening = false;
    if (this.#closed) return;
    const explained = this.#settings.explain(error, this.address);
    this.lastError = explained;
    this.fatal = explained.retryable ? undefined : explained;
    this.breaker.failure();
    this.#retry(this.#retryDelay(explained));
    this.#settings.onChange(this, "lost");
  }

  #retryDelay(error: FleetError): number {
    if (error.retryable) return Math.max(leastReconnectDelay, this.#backoff.next());
    // A password may be about to change on one side or the other, and its file be away while it does.
    return passing.has(error.code) ? authRetryEvery : fatalRetryEvery;
  }

  #lost(reason: Error): void {
    this.#endWatch?.();
    this.#connection = undefined;
    if (this.#closed) return;
    this.lastError = reason;
    this.breaker.failure();
    // A server that ends connections as soon as it has them, or turns out unfit at the first call, is not stormed.
    const wasShort = this.#settings.clock.monotonic() - this.#connectedAt < shortLife;
    if (!wasShort) this.#afterShortLife.reset();
    this.#retry(wasShort ? this.#afterShortLife.next() : 0);
    this.#settings.onChange(this, "lost");
  }

  /** TIME is the heartbeat: its answer shows that the server lives, and its clock. */
  #askTime(connection: Connection): void {
    const { clock } = this.#settings;
    const sentAt = clock.monotonic();
    this.#askedTimeAt = sentAt;
    connection.send("time", []).then(
      (reply) => {
        if (connection === this.#connection) this.#serverClock?.sample(reply, sentAt);
      },
      // An error reply is an answer too; a lost connection has its own path.
      () => undefined,
    );
  }

  #retry(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimeout(() => this.#open(), delay);
  }
}
