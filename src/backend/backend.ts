import type { Clock } from "../core/clock.js";
import type { KeySpace } from "./keys.js";
import type { Script, ScriptCall, ScriptReply } from "./script.js";

/**
 * - `starting`: no call has succeeded yet. `ready`: calls succeed. `degraded`: they do, but a shard, or storage, has trouble.
 * - `down`: no call succeeds. `fatal`: the configuration or the credentials are refused; tried again every few seconds.
 * - `draining`: `close` began. `closed`: nothing is sent any more.
 */
export type BackendState = "starting" | "ready" | "degraded" | "down" | "fatal" | "draining" | "closed";

export type BackendKind = "memory" | "single" | "sentinel" | "cluster";

/** One server as the fleet knows it; no secrets. */
export interface TopologyNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly role: "primary" | "replica" | "sentinel" | "memory" | "unknown";
  /** Inclusive ranges of hash slots, on a cluster's primaries. */
  readonly slots?: readonly (readonly [from: number, to: number])[];
  /** The id of its primary. */
  readonly replicaOf?: string;
  readonly state: "connected" | "connecting" | "down" | "not-connected";
}

export interface Topology {
  readonly kind: BackendKind;
  readonly nodes: readonly TopologyNode[];
}

/** What the connected server can do; undefined until the first connection. */
export interface Capabilities {
  readonly flavor: "redis" | "valkey" | "memory";
  /** As the server tells it, `7.0.15`. */
  readonly version: string;
}

/** Plain counters since start; no names of keys, no secrets. */
export interface BackendStats {
  readonly calls: number;
  readonly pending: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly refused: number;
  readonly redirects: number;
  readonly connections: number;
  readonly reconnects: number;
  /** Times that messages of others may have been missed. */
  readonly gaps: number;
}

/** Whoever listens to a channel. A message is a hint: it may be missed, come twice, or come late. */
export interface ChannelListener {
  message(text: string): void;
  /**
   * From now on messages are heard, and any before now may have been missed: what was learned from messages is stale.
   * Called once when the listening begins, and after every interruption.
   */
  gap(): void;
}

/** What the clock of a server shows now, as closely as its replies tell; milliseconds since 1970. */
export interface ServerTime {
  readonly earliest: number;
  readonly latest: number;
}

/**
 * Messages of others may have been missed between two moments of this process' wall clock, in milliseconds.
 *
 * On a cluster whose nodes hear each other only in part, single messages may have been missed before `from` too.
 */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export interface BackendEvents {
  state: { readonly from: BackendState; readonly to: BackendState; readonly reason: string };
  failover: { readonly from: string; readonly to: string };
  topology: Topology;
  gap: Gap;
  warning: { readonly code: string; readonly message: string };
}

/** What every room may ask of whatever backend it runs on. */
export interface Backend {
  readonly kind: BackendKind;
  readonly keys: KeySpace;
  /** Of this fleet in this process, another one at each start; its mailbox is `keys.mailChannel(instanceId)`. */
  readonly instanceId: string;
  readonly state: BackendState;
  readonly capabilities: Capabilities | undefined;
  /** Resolves once calls can succeed; rejects after `timeouts.start` with the diagnosis, or when closed. */
  ready(): Promise<void>;
  topology(): Topology;
  stats(): BackendStats;
  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void;
  /**
   * Sends a hint to whoever listens to the channel now, this process too; resolves when the backend has taken it.
   * It may be heard twice when a reply was lost, or by nobody: whoever must know also finds out without it.
   */
  publish(channel: string, message: string, options?: CallOptions): Promise<void>;
  /** Listens until the returned function is called; the first listener of a process opens its one subscriber. */
  subscribe(channel: string, listener: ChannelListener): () => void;
  /** The time of the server that owns the key, for hints only; undefined while it is not known. */
  serverTime(key: string): ServerTime | undefined;
  /** From now on a call that would have to wait for an absent server fails at once; calls that can be sent still are. */
  drain(): void;
  /** Ends every connection and timer; never rejects, idempotent. */
  close(): Promise<void>;
}

/** What one call may decide for itself. */
export interface CallOptions {
  /** Milliseconds until the call ends, whatever happens; default `timeouts.command`. */
  readonly deadline?: number;
}

/** What one run of a script may decide for itself. */
export interface RunOptions extends CallOptions {
  /**
   * The script's effect is on so many replicas before the call resolves; `all` is as many as the primary has, those too
   * that are away, and at least one. Such calls go their own way, so that a slow replica delays no others.
   *
   * Rejects with `NotReplicatedError` when they are fewer in time.
   */
  readonly replicas?: "all" | number;
  /** Milliseconds to wait for the replicas, inside the deadline; default 1000. */
  readonly within?: number;
}

/** A history of writes that a server has; another one after a failover, which may have lost the last writes. */
export interface Generation {
  readonly replicationId: string;
  /** Milliseconds of the server's clock when a process of the fleet saw it first; nothing was lost later. */
  readonly since: number;
}

/** What a script found when it compared histories; empty texts are none. */
export interface GenerationOptions extends CallOptions {
  readonly not?: string;
  readonly found?: string;
}

/** A command that only reads one key, as `[name, ...arguments after the key]`. */
export type ReadCommand = readonly [name: "get" | "pttl" | "exists" | "strlen", ...args: (string | number)[]];

/**
 * What the rooms' Redis adapters stand on: scripts and reads, one key or one slot at a time.
 *
 * Every call ends by its deadline with a reply or a `FleetError` that says whether it was executed; in between it is
 * sent again after lost connections, redirects and failovers, which is why a mutating script must recognise its resends.
 */
export interface RedisBackend extends Backend {
  readonly kind: "single" | "sentinel" | "cluster";
  run<K extends string, A extends string, R extends ScriptReply>(
    script: Script<K, A, R>,
    call: ScriptCall<K, A>,
    options?: RunOptions,
  ): Promise<R>;
  /** Sends the commands for one key in one trip; replies in order, an error of any is an error of all. */
  read(
    key: string,
    commands: readonly ReadCommand[],
    options?: CallOptions,
  ): Promise<readonly (string | number | null)[]>;
  /**
   * The history of writes of the server that owns the key; undefined when it does not tell (INFO is refused).
   *
   * `not` is one that a script did not find any more: the server is asked anew. `found` is the one that it found instead:
   * where the owner's is still the same, a slot that moves sent the script to its next owner, whose id is answered with
   * the later `since` of both.
   */
  generation(key: string, options?: GenerationOptions): Promise<Generation | undefined>;
  /** What `generation` would answer as far as it is known already; undefined where it has to be asked. */
  knownGeneration(key: string): Generation | undefined;
}

/** The embedded backend's share of the process' memory. */
export interface MemoryBudget {
  /** Takes `bytes` more; false, and nothing taken, when that would exceed the limit. */
  claim(bytes: number): boolean;
  release(bytes: number): void;
}

/** What the rooms' memory adapters stand on; everything inside one port method is synchronous and so atomic. */
export interface MemoryBackend extends Backend {
  readonly kind: "memory";
  readonly clock: Clock;
  /** The embedded server's own time in milliseconds: starts at the wall clock, then follows the monotonic one. */
  time(): number;
  /** What its data may take; rooms account for what they store and refuse with `StorageFullError` when it is full. */
  readonly budget: MemoryBudget;
  /** The state object of a room, made once and shared by every fleet on the same named backend. */
  room<T extends object>(name: string, create: () => T): T;
}

export type AnyBackend = RedisBackend | MemoryBackend;
