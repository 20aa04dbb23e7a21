import type { NodeAddress } from "../../config/backend-config.js";
import { backoff, type Backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import type { FleetError } from "../../core/errors.js";
import { Breaker } from "./breaker.js";
import { Connection, type ConnectionOptions, type Reply } from "./connection.js";
import type { ServerInfo } from "./server-info.js";

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
  readonly onChange: (node: Node, what: "ready" | "lost" | "open") => void;
  readonly onReconnect: () => void;
}

const heartbeatEvery = 5_000;
const heartbeatLimit = 2_000;
const reconnect = { base: 50, cap: 500 };
const leastReconnectDelay = 10;
const fatalRetryEvery = 5_000;

/** The address as people write it, also the node's id. */
export function addressText(address: NodeAddress): string {
  if (address.path !== undefined) return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * One server that the fleet sends commands to: keeps one connection to it up, with backoff, and watches it by heartbeat.
 *
 * A heartbeat that is not answered within 2 s ends the connection: a frozen server or a half-open socket keeps TCP
 * content for much longer.
 */
export class Node {
  readonly address: NodeAddress;
  readonly id: string;
  readonly breaker: Breaker;
  readonly #settings: NodeSettings;
  readonly #backoff: Backoff = backoff(reconnect);
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #heartbeat: Timer | undefined;
  #opening = false;
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

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the connection because it leads to the wrong place or does not answer; a new one is opened. */
  kill(reason: Error): void {
    this.#connection?.destroy(reason);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#heartbeat?.cancel();
    this.breaker.stop();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #open(): void {
    if (this.#closed || this.#opening) return;
    this.#opening = true;
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
    this.#backoff.reset();
    this.lastError = undefined;
    this.fatal = undefined;
    this.breaker.success();
    if (this.#connectedBefore) this.#settings.onReconnect();
    this.#connectedBefore = true;
    connection.onEnd((reason) => this.#lost(reason));
    this.#planHeartbeat(connection);
    this.#settings.onChange(this, "ready");
  }

  #failed(error: Error): void {
    this.#opening = false;
    if (this.#closed) return;
    const explained = this.#settings.explain(error, this.address);
    this.lastError = explained;
    this.fatal = explained.retryable ? undefined : explained;
    this.breaker.failure();
    const delay = this.fatal === undefined ? Math.max(leastReconnectDelay, this.#backoff.next()) : fatalRetryEvery;
    this.#retry(delay);
    this.#settings.onChange(this, "lost");
  }

  #lost(reason: Error): void {
    this.#heartbeat?.cancel();
    this.#connection = undefined;
    if (this.#closed) return;
    this.lastError = reason;
    this.breaker.failure();
    this.#retry(0);
    this.#settings.onChange(this, "lost");
  }

  #retry(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimeout(() => this.#open(), delay);
  }

  #planHeartbeat(connection: Connection): void {
    this.#heartbeat = this.#settings.clock.setTimeout(() => {
      let answered = false;
      const beat: Promise<Reply> = connection.send("ping", []);
      beat.then(
        () => {
          answered = true;
          this.breaker.success();
        },
        () => {
          // An error reply is an answer too; a lost connection has its own path.
          answered = true;
        },
      );
      this.#heartbeat = this.#settings.clock.setTimeout(() => {
        // A process that was busy itself has not read the answer yet: let this turn's input be read before judging.
        setImmediate(() => {
          if (connection !== this.#connection) return;
          if (answered) {
            this.#planHeartbeat(connection);
            return;
          }
          connection.killed = true;
          this.kill(new Error(`no heartbeat within ${heartbeatLimit} ms`));
        });
      }, heartbeatLimit);
    }, heartbeatEvery - heartbeatLimit);
  }
}
