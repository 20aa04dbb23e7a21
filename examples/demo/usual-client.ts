import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ConnectionOptions } from "node:tls";
import { Cluster, Redis } from "ioredis";
// The one thing that is not public: both apps must find the same servers in the same variables.
import {
  readSecret,
  resolveConfig,
  type BackendConfig,
  type RedisBackendConfig,
  type Secret,
  type TlsConfig,
} from "../../src/config/index.js";

/** A client of ioredis, as users of connect-redis have it. */
export type UsualClient = Redis | Cluster;

/** The backend that the environment names, read as the fleet reads it. Throws `ConfigError`. */
export function backendOfEnvironment(): { readonly backend: BackendConfig; readonly from: string } {
  const config = resolveConfig({ options: {}, env: process.env, hostname: hostname(), pid: process.pid });
  return { backend: config.backend, from: config.provenance["backend.kind"]?.name ?? "" };
}

/** Connects ioredis with its own defaults to the servers that the environment names. Throws when it names none. */
export function connectUsual(): UsualClient {
  const { backend } = backendOfEnvironment();
  if (backend.kind === "memory") throw new Error("the environment names no Redis");
  const client = clientFor(backend);
  // Without a listener ioredis prints each failed connection; the calls fail all the same.
  client.on("error", () => undefined);
  return client;
}

/** What every connection needs, to data nodes of whatever kind. */
interface SignIn {
  username?: string;
  password?: string;
  tls?: ConnectionOptions;
}

interface SentinelSignIn {
  sentinels: { host: string; port: number }[];
  name: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
  enableTLSForSentinelMode?: boolean;
  sentinelTLS?: ConnectionOptions;
}

function clientFor(backend: RedisBackendConfig): UsualClient {
  const { kind, nodes, database: db } = backend;
  const common = signInOf(backend);
  if (kind === "cluster")
    return new Cluster(
      nodes.map(({ host, port }) => ({ host, port })),
      { redisOptions: common },
    );
  if (kind === "sentinel") return new Redis({ ...common, db, ...sentinelOptions(backend) });
  const [{ host, port, path } = { host: "", port: 0 }] = nodes;
  return new Redis({ ...common, db, ...(path === undefined ? { host, port } : { path }) });
}

function signInOf({ username, password, tls }: RedisBackendConfig): SignIn {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: secretText(password) }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
  };
}

function sentinelOptions({ nodes, sentinel, tls }: RedisBackendConfig): SentinelSignIn {
  return {
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    name: sentinel?.name ?? "",
    ...(sentinel?.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel?.password === undefined ? {} : { sentinelPassword: secretText(sentinel.password) }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  };
}

function tlsOptions({ caFile, certFile, keyFile, ...given }: TlsConfig): ConnectionOptions {
  return {
    ...given,
    ...(caFile === undefined ? {} : { ca: readText(caFile) }),
    ...(certFile === undefined ? {} : { cert: readText(certFile) }),
    ...(keyFile === undefined ? {} : { key: readText(keyFile) }),
  };
}

function secretText(secret: Secret): string {
  if (typeof secret === "function") throw new Error("the demo's usual app takes no function as a password");
  return readSecret(secret, process.env, readText);
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}
