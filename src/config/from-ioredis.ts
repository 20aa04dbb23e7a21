import { ConfigError } from "../core/errors.js";
import { isRecord } from "./node-entry.js";

/** What is needed of a client of ioredis, a `Redis` or a `Cluster`. */
export interface IoredisClient {
  readonly options: object;
  readonly isCluster: boolean;
}

/** The options of a client of ioredis, as `fromIoredis` gives them; what they are is not printed with it. */
export interface IoredisBackend {
  readonly ioredis: "Redis" | "Cluster";
}

/** The options of a client as they were when they were taken. */
export interface IoredisSnapshot {
  readonly options: Readonly<Record<string, unknown>>;
  /** What a cluster was started with; `undefined` for any other client. */
  readonly startupNodes?: readonly unknown[];
}

// Both formats of this package in one process know it.
const held = Symbol.for("express-fleet.ioredis");

/**
 * Makes a backend of the options of a client of ioredis (5.11 to 6), a `Redis` or a `Cluster`: its servers, credentials,
 * TLS, timeouts, `natMap` and `keyPrefix`.
 *
 * What stands beside counts more than the client's: `{ ...fromIoredis(client), password: () => token() }`.
 *
 * The options are taken now and once. The client's connection is not used and not needed: `lazyConnect` is enough, and it
 * may be closed. What the fleet decides itself is named in a warning at start, and what it cannot honour is a
 * `ConfigError` of `createFleet`. What is no client of ioredis is a `ConfigError` `ERR_FLEET_CONFIG_TYPE` here.
 */
export function fromIoredis(client: IoredisClient): IoredisBackend {
  if (!isIoredisClient(client)) {
    const { what, help } = describeOther(client);
    throw new ConfigError([
      { code: "ERR_FLEET_CONFIG_TYPE", message: `fromIoredis needs a client of ioredis and was given ${what}`, help },
    ]);
  }
  const { options, isCluster } = client;
  const { startupNodes } = client as { readonly startupNodes?: readonly unknown[] };
  const snapshot: IoredisSnapshot = {
    options: { ...options },
    ...(isCluster ? { startupNodes: [...(startupNodes ?? [])] } : {}),
  };
  const backend = {
    ioredis: isCluster ? "Cluster" : "Redis",
    // A function, so that nobody prints a password with the options of createFleet.
    [held]: () => snapshot,
  } as const;
  return backend;
}

/** What `fromIoredis` took, or `undefined` for any other object. */
export function snapshotOf(backend: object): IoredisSnapshot | undefined {
  const take = (backend as { readonly [held]?: () => IoredisSnapshot })[held];
  return typeof take === "function" ? take() : undefined;
}

/** Whether a value looks like a `Redis` or a `Cluster` of ioredis; the class itself is not known here. */
export function isIoredisClient(value: unknown): value is IoredisClient {
  if (!isRecord(value)) return false;
  const { options, isCluster, status, startupNodes, duplicate } = value;
  return (
    isRecord(options) &&
    typeof status === "string" &&
    typeof duplicate === "function" &&
    (isCluster === false || (isCluster === true && Array.isArray(startupNodes)))
  );
}

const asClient = 'pass the client itself: fromIoredis(new Redis("redis://host:6379"))';
const asUrl = 'the fleet connects by itself: backend: "redis://host:6379", or an object with url and password';

function describeOther(value: unknown): { readonly what: string; readonly help: string } {
  if (value === undefined || value === null) return { what: String(value), help: asClient };
  if (typeof value === "string") return { what: "a text", help: "a URL needs no client: give it as backend itself" };
  if (typeof value === "function") return { what: "a function or a class", help: asClient };
  if (!isRecord(value)) return { what: Array.isArray(value) ? "a list" : `a ${typeof value}`, help: asClient };
  if (typeof value["then"] === "function") return { what: "a promise", help: "await it first" };
  if ("isOpen" in value || "isReady" in value)
    return { what: "a client of node-redis (the package redis)", help: asUrl };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return {
      what: "a plain object",
      help: `${asClient}; or give the options as an object: backend: { url, password }`,
    };
  return { what: "an object that is none", help: asClient };
}
