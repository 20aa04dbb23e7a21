import type { Clock } from "../../core/clock.js";
import { ClosedError } from "../../core/errors.js";
import { Emitter } from "../../core/events.js";
import type {
  BackendEvents,
  BackendState,
  BackendStats,
  Capabilities,
  ChannelListener,
  MemoryBackend,
  MemoryBudget,
  ServerTime,
  Topology,
} from "../backend.js";
import { KeySpace } from "../keys.js";
import { acquireShared, createShared, releaseShared, type SharedMemory } from "./shared-memory.js";

/** What an embedded backend is made of. */
export interface MemoryBackendOptions {
  readonly namespace: string;
  readonly instanceId: string;
  readonly clock: Clock;
  /** Fleets of this process that give the same name share one state; without a name it is private. */
  readonly name?: string;
  /** Bytes its data may take, as the rooms account for them; default 256 MiB. The first fleet of a name decides. */
  readonly limit?: number;
  /** Told when a listener of `on` throws; default ignores it. */
  readonly onListenerError?: (error: unknown) => void;
}

const defaultLimit = 256 * 1024 * 1024;

/**
 * Makes an embedded backend: everything lives in this process and ends with the last fleet that shares it.
 *
 * Rooms' memory adapters stand on it; their port methods are synchronous inside, which makes each of them atomic.
 */
export function createMemoryBackend(options: MemoryBackendOptions): MemoryBackend {
  return new EmbeddedBackend(options);
}

class EmbeddedBackend implements MemoryBackend {
  readonly kind = "memory" as const;
  readonly keys: KeySpace;
  readonly instanceId: string;
  readonly capabilities: Capabilities = { flavor: "memory", version: "1" };
  readonly #name: string | undefined;
  readonly #shared: SharedMemory;
  readonly #events: Emitter<BackendEvents>;
  #state: BackendState = "ready";
  readonly #subscriptions = new Set<() => void>();
  readonly #onListenerError: (error: unknown) => void;
  #calls = 0;

  constructor(options: MemoryBackendOptions) {
    this.keys = new KeySpace(options.namespace);
    this.instanceId = options.instanceId;
    this.#name = options.name;
    this.#onListenerError = options.onListenerError ?? ((): void => undefined);
    this.#events = new Emitter<BackendEvents>(this.#onListenerError);
    const make = (): SharedMemory => createShared(options.clock, options.limit ?? defaultLimit);
    this.#shared = options.name === undefined ? make() : acquireShared(options.name, make);
  }

  get state(): BackendState {
    return this.#state;
  }

  get clock(): Clock {
    return this.#shared.clock;
  }

  get budget(): MemoryBudget {
    return this.#shared.budget;
  }

  time(): number {
    return this.#shared.time();
  }

  room<T extends object>(name: string, create: () => T): T {
    if (this.#state === "closed") throw new ClosedError();
    this.#calls += 1;
    // The namespace is part of the name, so that two namespaces on one named backend are as apart as on one server.
    const id = `${this.keys.namespace}\0${name}`;
    let room = this.#shared.rooms.get(id);
    if (room === undefined) {
      room = create();
      this.#shared.rooms.set(id, room);
    }
    return room as T;
  }

  publish(channel: string, message: string): Promise<void> {
    if (this.#state === "closed") return Promise.reject(new ClosedError());
    // Never before `publish` returns: a room that is in the middle of a change must not hear of it.
    for (const listener of this.#shared.listeners.get(channel) ?? []) {
      setImmediate(() => this.#tell(channel, listener, () => listener.message(message)));
    }
    return Promise.resolve();
  }

  subscribe(channel: string, wanted: ChannelListener): () => void {
    if (this.#state === "closed") throw new ClosedError();
    // One of its own for each call: the same listener may listen twice, and each end is that of its own listening.
    const listener = { message: (text: string) => wanted.message(text), gap: () => wanted.gap() };
    const { listeners } = this.#shared;
    const end = (): void => {
      this.#subscriptions.delete(end);
      const left = listeners.get(channel);
      left?.delete(listener);
      if (left?.size === 0) listeners.delete(channel);
    };
    listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener));
    this.#subscriptions.add(end);
    setImmediate(() => this.#tell(channel, listener, () => listener.gap()));
    return end;
  }

  serverTime(): ServerTime {
    const time = this.#shared.time();
    return { earliest: time, latest: time + 1 };
  }

  ready(): Promise<void> {
    return this.#state === "closed" ? Promise.reject(new ClosedError()) : Promise.resolve();
  }

  topology(): Topology {
    const node = {
      id: this.#name ?? "memory",
      host: "this process",
      port: 0,
      role: "memory",
      state: "connected",
    } as const;
    return { kind: "memory", nodes: [node] };
  }

  stats(): BackendStats {
    return {
      calls: this.#calls,
      pending: 0,
      retries: 0,
      timeouts: 0,
      refused: 0,
      redirects: 0,
      connections: 0,
      reconnects: 0,
      gaps: 0,
    };
  }

  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  drain(): void {
    this.#become("draining");
  }

  close(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    this.#become("closed");
    this.#events.clear();
    for (const end of [...this.#subscriptions]) end();
    if (this.#name !== undefined) releaseShared(this.#name);
    return Promise.resolve();
  }

  #tell(channel: string, listener: ChannelListener, act: () => void): void {
    if (this.#shared.listeners.get(channel)?.has(listener) !== true) return;
    try {
      act();
    } catch (error) {
      this.#onListenerError(error);
    }
  }

  #become(to: BackendState): void {
    const from = this.#state;
    if (from === to || from === "closed") return;
    this.#state = to;
    this.#events.emit("state", { from, to, reason: "the fleet is closing" });
  }
}
