import { setMaxListeners } from "node:events";
import type { NodeAddress, RedisBackendConfig } from "../../config/backend-config.js";
import type { Clock } from "../../core/clock.js";
import { dialled } from "./address-map.js";
import type { ConnectionOptions } from "./connection.js";
import { RotatingCredentials, type SignIn } from "./credentials.js";
import { tlsMaterial } from "./tls-material.js";

/** What a connection is for; tests and operators count connections by it. */
export type ConnectionRole = "command" | "durable" | "subscribe" | "slots" | "sentinel" | "watch" | "probe";

/** Whose connections they are. */
export interface DiallerOptions {
  readonly config: RedisBackendConfig;
  readonly namespace: string;
  readonly instance: string;
  readonly clock: Clock;
  /** The credentials of the data nodes have changed. */
  readonly onNewCredentials: (signIn: SignIn) => void;
}

/** Says how each connection of a backend is opened, and ends all of them with the backend. */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #closing = endOfAll();
  readonly #data: RotatingCredentials;
  readonly #sentinels: RotatingCredentials;

  constructor(options: DiallerOptions) {
    this.#options = options;
    const { config, clock } = options;
    this.#data = new RotatingCredentials({
      clock,
      username: config.username,
      password: config.password,
      where: "the password of Redis",
      onChange: () => {
        this.#data.read().then(options.onNewCredentials, () => undefined);
      },
    });
    this.#sentinels = new RotatingCredentials({
      clock,
      username: config.sentinel?.username,
      password: config.sentinel?.password,
      where: "the password of the sentinels",
      // Nothing stays open to a sentinel that a changed password would end.
      onChange: () => undefined,
    });
  }

  /** How to open a connection of a role. Throws `ConfigError` when a certificate's file cannot be read just now. */
  connect(role: ConnectionRole): (address: NodeAddress) => ConnectionOptions {
    const { config, namespace, instance } = this.#options;
    const isSentinel = role === "sentinel" || role === "watch";
    const selects = role === "command" || role === "durable" || role === "slots" || role === "probe";
    return (address) => ({
      address,
      dial: dialled(config.addressMap, address),
      tls: tlsMaterial(config.tls),
      credentials: isSentinel ? this.#sentinels : this.#data,
      name: `${namespace}:${role}:${instance}`.replace(/[^\x21-\x7e]/g, "_"),
      database: selects ? config.database : 0,
      timeout: config.timeouts.connect,
      signal: this.#closing.signal,
    });
  }

  close(): void {
    this.#data.close();
    this.#sentinels.close();
    this.#closing.abort();
  }
}

/** Every connection listens to it for as long as it is open: many are no leak, and Node need not warn of eleven. */
function endOfAll(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
