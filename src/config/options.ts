import type { Duration } from "../core/duration.js";
import type { IoredisBackend } from "./from-ioredis.js";
import type { NodeAddress, RoomName, Secret, TlsConfig } from "./backend-config.js";

/**
 * Where a server is dialled whose announced address cannot be reached, behind a NAT or through tunnels: an object of
 * `"announced:port": "dialled:port"` (IPv6 in brackets), the same as a text `announced:port=dialled:port,...`, or a
 * function, which is called at each connection and gives nothing for an address that is dialled as it is.
 */
export type AddressMapOption =
  | string
  | Readonly<Record<string, string | { readonly host: string; readonly port: number }>>
  | ((address: NodeAddress) => NodeAddress | undefined);

/** What can be said of a Redis backend beside its address. */
export interface RedisConnectionOptions {
  readonly username?: string | undefined;
  /**
   * A value, or where it is read anew for each connection: `{ file: "/run/secrets/redis" }`, `{ env: "NAME" }`, or a
   * function that gives the password, or `{ username?, password, expiresAt? }`, or a promise of either.
   */
  readonly password?: Secret | undefined;
  /** Default 0; Redis Cluster has only 0. */
  readonly database?: number | undefined;
  /** `true` for TLS with the certificates that Node trusts; an object for your own. */
  readonly tls?: boolean | TlsConfig | undefined;
  /** Holds for the addresses given here and for those that servers announce. */
  readonly addressMap?: AddressMapOption | undefined;
}

/** A node as `"host:port"` or as an object; a Unix socket is given by `path`. */
export type RedisNode =
  | string
  | { readonly host?: string | undefined; readonly port?: number | undefined; readonly path?: string | undefined };

/** How the sentinels know the primary, and how to sign in to them. */
export interface SentinelOptions {
  /** The name under which they monitor the primary; may come from the URL or `FLEET_SENTINEL_NAME` instead. */
  readonly name?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
}

/** A Redis or Valkey backend given by its nodes. */
export interface RedisNodesOptions extends RedisConnectionOptions {
  readonly kind: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or seeds of the cluster (one is enough, also a DNS name). */
  readonly nodes: readonly RedisNode[];
  readonly sentinel?: SentinelOptions | undefined;
}

/** A Redis or Valkey backend given by a URL; what stands beside the URL wins over what is in it. */
export interface RedisUrlOptions extends RedisConnectionOptions {
  readonly url: string;
  readonly sentinel?: SentinelOptions | undefined;
}

/** What holds for a Redis backend whose address comes from a variable or a file. */
export interface RedisSettingsOptions extends RedisConnectionOptions {
  readonly url?: never;
  readonly kind?: never;
  readonly nodes?: never;
  readonly ioredis?: never;
  readonly sentinel?: SentinelOptions | undefined;
}

/** A Redis backend with the options of a client of ioredis; what stands beside them counts more. */
export interface RedisClientOptions extends RedisConnectionOptions, IoredisBackend {
  readonly sentinel?: SentinelOptions | undefined;
}

/** The object form of a Redis backend. */
export type RedisOptionsObject = RedisNodesOptions | RedisUrlOptions | RedisClientOptions | RedisSettingsOptions;

/**
 * The backend in code: `"memory"`; a URL (`redis://`, `rediss://`, `redis+sentinel://h1,h2/name`,
 * `redis+cluster://h1,h2`) or another form of `REDIS_URL`; `{ memory: name }`, shared by the fleets of one process that
 * give the same name; `fromIoredis(client)`; or an object, which without an address has settings for the one that a variable or a file gives.
 */
export type BackendOption = "memory" | (string & {}) | { readonly memory: string } | RedisOptionsObject;

/** The options of `createFleet` that decide its backend and its identity; all are optional. */
export interface FleetConfigOptions {
  readonly backend?: BackendOption | undefined;
  /** Backends of single rooms, each with credentials of its own; a room that is not here uses `backend`. */
  readonly backends?: Readonly<Partial<Record<RoomName, BackendOption | undefined>>> | undefined;
  /** Prefix of every key and channel, `[A-Za-z0-9._/-]{1,64}`. Default `"fleet"`. */
  readonly namespace?: string | undefined;
  /** Name of this instance for people, `[A-Za-z0-9._-]{1,128}`. Default host name and process id. */
  readonly instance?: string | undefined;
  /** The public address of the app, with `http://` or `https://`. */
  readonly externalUrl?: string | undefined;
  readonly timeouts?:
    | {
        /** TCP, TLS and handshake of one connection. Default 5 s. */
        readonly connect?: Duration | undefined;
        /** Deadline of a call; longer than a failover takes. Default 8 s. */
        readonly command?: Duration | undefined;
        /** How long `fleet.ready()` waits. Default the longer of 10 s and twice `connect`. */
        readonly start?: Duration | undefined;
      }
    | undefined;
  /** Calls that may be pending in this process; further ones are refused. Default 10000. */
  readonly maxPending?: number | undefined;
  /** A configuration file, JSON, `.properties` or YAML, of ours, of Tyk or of Spring; relative to the working directory. */
  readonly config?: string | undefined;
  /** In production, accept that variables or a file turn off the check of certificates. Default false. */
  readonly allowInsecureTls?: boolean | undefined;
}
