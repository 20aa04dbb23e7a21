import { ClosedError, UnavailableError } from "../core/errors.js";
import { Emitter } from "../core/events.js";
import type {
  BackendEvents,
  BackendState,
  BackendStats,
  CallOptions,
  Capabilities,
  ChannelListener,
  Generation,
  GenerationOptions,
  ReadCommand,
  RedisBackend,
  RunOptions,
  ServerTime,
  Topology,
} from "./backend.js";
import type { KeySpace } from "./keys.js";
import type { Script, ScriptCall, ScriptReply } from "./script.js";

/** How the backend comes to be. */
export interface DeferredBackendOptions {
  readonly kind: RedisBackend["kind"];
  readonly keys: KeySpace;
  readonly instanceId: string;
  /** Loads the Redis client and opens the backend. */
  readonly load: () => Promise<RedisBackend>;
  readonly onListenerError: (error: unknown) => void;
}

const nothing: BackendStats = {
  calls: 0,
  pending: 0,
  retries: 0,
  timeouts: 0,
  refused: 0,
  redirects: 0,
  connections: 0,
  reconnects: 0,
  gaps: 0,
};

/**
 * A Redis backend that loads its client in the background, so that `createFleet` is synchronous and an app that runs
 * in memory never loads ioredis. Calls made before that wait for the load, which touches only the disk.
 */
export class DeferredBackend implements RedisBackend {
  readonly kind: RedisBackend["kind"];
  readonly keys: KeySpace;
  readonly instanceId: string;
  readonly #events: Emitter<BackendEvents>;
  readonly #loaded: Promise<RedisBackend>;
  #backend: RedisBackend | undefined;
  #early: BackendState = "starting";

  constructor(options: DeferredBackendOptions) {
    this.kind = options.kind;
    this.keys = options.keys;
    this.instanceId = options.instanceId;
    this.#events = new Emitter<BackendEvents>(options.onListenerError);
    this.#loaded = options.load().then(
      (backend) => this.#arrived(backend),
      (error: unknown) => this.#failed(error),
    );
    // Whoever calls gets the failure; without a call the state tells it.
    this.#loaded.catch(() => undefined);
  }

  get state(): BackendState {
    return this.#backend?.state ?? this.#early;
  }

  get capabilities(): Capabilities | undefined {
    return this.#backend?.capabilities;
  }

  run<K extends string, A extends string, R extends ScriptReply>(
    script: Script<K, A, R>,
    call: ScriptCall<K, A>,
    options?: RunOptions,
  ): Promise<R> {
    const backend = this.#backend;
    if (backend !== undefined) return backend.run(script, call, options);
    return this.#loaded.then((loaded) => loaded.run(script, call, options));
  }

  read(
    key: string,
    commands: readonly ReadCommand[],
    options?: CallOptions,
  ): Promise<readonly (string | number | null)[]> {
    const backend = this.#backend;
    if (backend !== undefined) return backend.read(key, commands, options);
    return this.#loaded.then((loaded) => loaded.read(key, commands, options));
  }

  generation(key: string, options?: GenerationOptions): Promise<Generation | undefined> {
    return this.#loaded.then((loaded) => loaded.generation(key, options));
  }

  knownGeneration(key: string): Generation | undefined {
    return this.#backend?.knownGeneration(key);
  }

  publish(channel: string, message: string, options?: CallOptions): Promise<void> {
    const backend = this.#backend;
    if (backend !== undefined) return backend.publish(channel, message, options);
    return this.#loaded.then((loaded) => loaded.publish(channel, message, options));
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    const backend = this.#backend;
    if (backend !== undefined) return backend.subscribe(channel, listener);
    if (this.#early === "closed") throw new ClosedError();
    let end: () => void = () => undefined;
    let ended = false;
    this.#loaded
      .then((loaded) => {
        if (!ended) end = loaded.subscribe(channel, listener);
      })
      // Not loaded, or closed by now: the state tells it, and nothing will ever be heard.
      .catch(() => undefined);
    return () => {
      ended = true;
      end();
    };
  }

  serverTime(key: string): ServerTime | undefined {
    return this.#backend?.serverTime(key);
  }

  ready(): Promise<void> {
    return this.#loaded.then((backend) => backend.ready());
  }

  topology(): Topology {
    return this.#backend?.topology() ?? { kind: this.kind, nodes: [] };
  }

  stats(): BackendStats {
    return this.#backend?.stats() ?? nothing;
  }

  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  drain(): void {
    if (this.#backend === undefined) this.#early = "draining";
    else this.#backend.drain();
  }

  async close(): Promise<void> {
    this.#early = "closed";
    // The load cannot be stopped; a backend that arrives after this closes itself.
    await this.#backend?.close();
    this.#events.clear();
  }

  #arrived(backend: RedisBackend): RedisBackend {
    this.#backend = backend;
    const forward = <E extends keyof BackendEvents>(event: E): void => {
      backend.on(event, (payload) => this.#events.emit(event, payload));
    };
    forward("state");
    forward("failover");
    forward("topology");
    forward("gap");
    forward("warning");
    if (this.#early === "draining") backend.drain();
    if (this.#early === "closed") {
      void backend.close();
      throw new ClosedError();
    }
    return backend;
  }

  #failed(cause: unknown): never {
    if (this.#early === "closed") throw new ClosedError();
    const error = new UnavailableError(
      `the Redis client cannot be loaded: ${String((cause as Error).message ?? cause)}`,
      {
        cause,
        help: "install the package's dependencies again: npm ci",
      },
    );
    const from = this.#early;
    this.#early = "fatal";
    this.#events.emit("state", { from, to: "fatal", reason: error.message });
    throw error;
  }
}
