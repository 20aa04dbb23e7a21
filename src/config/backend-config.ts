/** Where a value came from, shown in the start line and by diagnostics; never the value of a secret. */
export interface Origin {
  readonly origin: "code" | "env" | "file" | "default";
  /** The variable, the file with its line, or the path in the options that gave the value. */
  readonly name: string;
}

/** A server's address as the client dials it. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
  /** A Unix socket; host and port are then only for display. */
  readonly path?: string;
}

/** A secret that is written down somewhere; it is read anew at each connection. */
export type StoredSecret = string | { readonly file: string } | { readonly env: string };

/** What a function gives to sign in with; a short-lived token says when it ends, in milliseconds since 1970. */
export interface FreshCredentials {
  /** Default the configured user. */
  readonly username?: string | undefined;
  readonly password: string;
  readonly expiresAt?: number | undefined;
}

/** Gives a secret when it is asked, for example a token of a cloud's identity service. */
export type SecretFunction = () => string | FreshCredentials | Promise<string | FreshCredentials>;

/** A password or the like. */
export type Secret = StoredSecret | SecretFunction;

/**
 * Where a server is really dialled, by the address that the topology announces: behind a NAT or a tunnel. An address
 * that is not in it, or for which the function gives nothing, is dialled as it is.
 */
export type AddressMap = Readonly<Record<string, NodeAddress>> | ((address: NodeAddress) => NodeAddress | undefined);

/** A version of TLS as Node names it. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** TLS for every connection of a backend, data nodes and sentinels alike. */
export interface TlsConfig {
  readonly ca?: string;
  readonly caFile?: string;
  readonly cert?: string;
  readonly certFile?: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly servername?: string;
  /** Default true. */
  readonly rejectUnauthorized?: boolean;
  /** Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  /** Default the newest that both sides know. */
  readonly maxVersion?: TlsVersion;
}

/** All in milliseconds. */
export interface Timeouts {
  /** TCP, TLS and the handshake of one connection. Default 5000. */
  readonly connect: number;
  /** Deadline of a call; longer than a failover takes. Default 8000. */
  readonly command: number;
  /** How long `fleet.ready()` waits; default the longer of 10000 and twice `connect`. */
  readonly start: number;
}

export interface SentinelConfig {
  /** The name under which the sentinels monitor the primary. */
  readonly name: string;
  readonly username?: string;
  readonly password?: Secret;
}

/** The embedded backend. */
export interface MemoryBackendConfig {
  readonly kind: "memory";
  /** Fleets of one process that give the same name share it; without one it is private. */
  readonly name?: string;
}

/** A Redis or Valkey backend, whatever dialect it was written in. */
export interface RedisBackendConfig {
  readonly kind: "single" | "sentinel" | "cluster";
  /** Data node (single), sentinels, or cluster seeds. */
  readonly nodes: readonly NodeAddress[];
  readonly sentinel?: SentinelConfig;
  readonly username?: string;
  readonly password?: Secret;
  /** Default 0. */
  readonly database: number;
  readonly tls?: TlsConfig;
  /** Keys are `host:port`, IPv6 in brackets. Holds for given addresses and for those that servers announce. */
  readonly addressMap?: AddressMap;
  readonly timeouts: Timeouts;
  /** Calls that may be pending in this process; further ones are refused. Default 10000. */
  readonly maxPending: number;
}

export type BackendConfig = MemoryBackendConfig | RedisBackendConfig;

/** The rooms that can have a backend of their own. */
export const roomNames = ["sessions", "locks", "reservations"] as const;
export type RoomName = (typeof roomNames)[number];

/** The normalized configuration of one fleet. */
export interface FleetConfig {
  readonly backend: BackendConfig;
  /** Backends of single rooms; a room that is not here uses `backend`. */
  readonly backends?: Readonly<Partial<Record<RoomName, BackendConfig>>>;
  /** Prefix of every key and channel: `[A-Za-z0-9._/-]{1,64}`. */
  readonly namespace: string;
  /** Name of this instance for people; default host name and pid. */
  readonly instance: string;
  /** The public address of the app, when it was given. */
  readonly externalUrl?: URL;
  /** Where each value of the above came from, by path (`backend.nodes`, `namespace`). */
  readonly provenance: Readonly<Record<string, Origin>>;
  /** Warnings and information found on the way, to be logged once. */
  readonly notices: readonly Notice[];
}

/** Something worth saying once at start. */
export interface Notice {
  /** `WARN_FLEET_*` or `INFO_FLEET_*`. */
  readonly code: string;
  readonly message: string;
  readonly help?: string;
}
