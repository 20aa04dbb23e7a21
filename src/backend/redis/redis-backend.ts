import type { RedisBackendConfig, NodeAddress } from "../../config/backend-config.js";
import type { Clock } from "../../core/clock.js";
import { channels, trace } from "../../core/diagnostics.js";
import { ClosedError } from "../../core/errors.js";
import { Emitter } from "../../core/events.js";
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
} from "../backend.js";
import { KeySpace } from "../keys.js";
import type { Script, ScriptCall, ScriptReply } from "../script.js";
import { accessLine } from "./access-line.js";
import { ClusterRouter } from "./cluster-router.js";
import type { SignIn } from "./credentials.js";
import { explain, refusal } from "./diagnosis.js";
import { Dialler } from "./dialler.js";
import { DurableLanes } from "./durable-lanes.js";
import { Exec } from "./exec.js";
import { Reachability } from "./reachability.js";
import { Readiness } from "./readiness.js";
import { Generations } from "./generations.js";
import { registerGenerations } from "./lua/scripts.generated.js";
import type { Node, NodeSettings } from "./node.js";
import { readOnlyReply } from "./reply-errors.js";
import type { Request } from "./request.js";
import type { Router } from "./router.js";
import { warningsOf } from "./server-warnings.js";
import { scriptArguments, sendReads, sendScript } from "./script-call.js";
import { SentinelRouter } from "./sentinel-router.js";
import { SingleRouter } from "./single-router.js";
import { StateWatch } from "./state-watch.js";
import { Subscriber } from "./subscriber.js";

/** What a Redis backend is made of. */
export interface RedisBackendOptions {
  readonly config: RedisBackendConfig;
  readonly namespace: string;
  /** Part of every connection's name, `<namespace>:<role>:<instance>`. */
  readonly instance: string;
  readonly instanceId: string;
  readonly clock: Clock;
  /** Told when a listener of `on` throws. */
  readonly onListenerError: (error: unknown) => void;
}

const replicatedWithin = 1_000;

/** Opens a Redis backend of any topology; it connects in the background, and throws only for what cannot be read at all. */
export function createRedisBackend(options: RedisBackendOptions): RedisBackend {
  return new ConnectedBackend(options);
}

class ConnectedBackend implements RedisBackend {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly keys: KeySpace;
  readonly instanceId: string;
  readonly #config: RedisBackendConfig;
  readonly #clock: Clock;
  readonly #events: Emitter<BackendEvents>;
  readonly #router: Router;
  readonly #exec: Exec;
  readonly #subscriber: Subscriber;
  readonly #generations: Generations;
  readonly #reachability: Reachability;
  readonly #watch: StateWatch;
  readonly #dialler: Dialler;
  readonly #lanes: DurableLanes;
  readonly #readiness: Readiness;
  readonly #warned = new Set<string>();
  #shape = "";
  #reconnects = 0;
  #gaps = 0;
  #capabilities: Capabilities | undefined;

  constructor(options: RedisBackendOptions) {
    const { config, clock } = options;
    this.kind = config.kind;
    this.keys = new KeySpace(options.namespace);
    this.instanceId = options.instanceId;
    this.#config = config;
    this.#clock = clock;
    this.#events = new Emitter<BackendEvents>(options.onListenerError);
    const onNewCredentials = (signIn: SignIn): void => {
      for (const node of this.#router.routed()) node.signInAnew(signIn);
      this.#lanes.signInAnew(signIn);
    };
    this.#dialler = new Dialler({ ...options, onNewCredentials });
    this.#router = this.#makeRouter(options);
    const acl = accessLine(this.keys, config.kind);
    this.#exec = new Exec(this.#router, {
      clock,
      maxPending: config.maxPending,
      acl,
      onTrouble: (what, reason) => {
        this.#watch.trouble(reason);
        if (what !== "permission" || this.#warned.has(reason)) return;
        this.#warned.add(reason);
        this.#events.emit("warning", { code: "WARN_FLEET_PERMISSION", message: `${reason}; ${acl}` });
      },
    });
    this.#lanes = new DurableLanes({
      clock,
      node: this.#nodeSettings(options, "durable"),
      replicasOf: (owner) => this.#router.replicasOf(owner),
      acl,
      onFree: () => this.#exec.wake(),
    });
    this.#readiness = new Readiness({ kind: this.kind, clock, router: this.#router, state: () => this.state });
    this.#reachability = this.#makeReachability(clock);
    this.#subscriber = this.#makeSubscriber(options);
    const seen = this.keys.key("fleet", "generations", "seen");
    this.#generations = new Generations({
      connections: () => this.#router.routed().flatMap(({ connection }) => connection ?? []),
      register: async (servers, deadline) =>
        (await this.run(registerGenerations, { keys: { seen }, args: { servers } }, { deadline }))[1],
    });
    const hearing = (): Error | undefined => this.#subscriber.trouble;
    this.#watch = new StateWatch(clock, this.#router, hearing, (change) => this.#events.emit("state", change));
  }

  get state(): BackendState {
    return this.#watch.state;
  }

  get capabilities(): Capabilities | undefined {
    return this.#capabilities;
  }

  run<K extends string, A extends string, R extends ScriptReply>(
    script: Script<K, A, R>,
    call: ScriptCall<K, A>,
    options: RunOptions = {},
  ): Promise<R> {
    const { deadline = this.#config.timeouts.command, replicas, within = replicatedWithin } = options;
    const until = this.#clock.monotonic() + deadline;
    const values = scriptArguments(script, call);
    return this.#run<R>({
      key: values[2] as string,
      name: script.name,
      readOnly: script.readOnly,
      deadline,
      send: (connection, asking) => sendScript(connection, script, values, asking) as unknown as Promise<R>,
      ...(replicas === undefined ? {} : { lane: this.#lanes.way({ name: script.name, replicas, within, until }) }),
    });
  }

  read(
    key: string,
    commands: readonly ReadCommand[],
    options?: CallOptions,
  ): Promise<readonly (string | number | null)[]> {
    return this.#run({
      key,
      name: commands[0]?.[0] ?? "read",
      readOnly: true,
      deadline: options?.deadline ?? this.#config.timeouts.command,
      send: (connection, asking) => sendReads(connection, key, commands, asking),
    });
  }

  publish(channel: string, message: string, options?: CallOptions): Promise<void> {
    return this.#publish(channel, message, channel, options?.deadline ?? this.#config.timeouts.command);
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    if (this.#exec.phase === "closed") throw new ClosedError();
    return this.#subscriber.subscribe(channel, listener);
  }

  async generation(key: string, options: GenerationOptions = {}): Promise<Generation | undefined> {
    const { not, found = "", deadline = this.#config.timeouts.command } = options;
    const until = this.#clock.monotonic() + deadline;
    const connection = await this.#run({
      key,
      name: "generation",
      readOnly: true,
      deadline,
      async send(owner) {
        const { role, replicationId } = owner.info ?? {};
        if (role === "slave" || (not !== undefined && replicationId === not)) await owner.readInfo();
        if (owner.info?.role === "slave") throw readOnlyReply();
        return owner;
      },
    });
    const left = (): number => Math.max(1, until - this.#clock.monotonic());
    const owner = await this.#generations.of(connection, left());
    if (found === "" || owner === undefined || owner.replicationId !== not) return owner;
    return this.#generations.ofNextOwner(found, owner, left());
  }

  knownGeneration(key: string): Generation | undefined {
    return this.#generations.known(this.#router.route(key)?.connection);
  }

  serverTime(key: string): ServerTime | undefined {
    return this.#router.route(key)?.serverTime;
  }

  async #publish(channel: string, message: string, by: string, deadline: number): Promise<void> {
    await this.#run({
      key: by,
      name: "publish",
      readOnly: true,
      noticed: true,
      anywhere: true,
      deadline,
      send: (connection) => connection.send("publish", [channel, message]),
    });
  }

  #run<T>(request: Request<T>): Promise<T> {
    return trace(channels.backendCall, { backend: this.kind, call: request.name }, () => this.#exec.run(request));
  }

  ready(): Promise<void> {
    return this.#readiness.wait(this.#config.timeouts.start);
  }

  topology(): Topology {
    return this.#router.topology();
  }

  stats(): BackendStats {
    const connections = this.#router.routed().filter((node) => node.connection !== undefined).length;
    return { ...this.#exec.counters, connections, reconnects: this.#reconnects, gaps: this.#gaps };
  }

  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  drain(): void {
    this.#watch.end("draining");
    this.#exec.drain();
    this.#look();
  }

  close(): Promise<void> {
    this.#watch.end("closed");
    this.#look();
    this.#reachability.close();
    this.#subscriber.close();
    this.#exec.close();
    this.#router.close();
    this.#lanes.close();
    this.#dialler.close();
    this.#events.clear();
    return Promise.resolve();
  }

  #makeRouter(options: RedisBackendOptions): Router {
    const { config, clock } = options;
    const onTopology = (): void => this.#changed();
    const onFailover = (from: string, to: string): void => {
      if (config.kind === "sentinel") this.#subscriber.move(from);
      this.#events.emit("failover", { from, to });
    };
    const node = this.#nodeSettings(options, "command");
    if (config.kind === "single") return new SingleRouter(config.nodes[0] as NodeAddress, node);
    if (config.kind === "cluster") {
      const connect = this.#dialler.connect("slots");
      return new ClusterRouter({ clock, seeds: config.nodes, node, connect, onFailover, onTopology });
    }
    const open = { sentinel: this.#dialler.connect("sentinel"), watch: this.#dialler.connect("watch") };
    return new SentinelRouter({
      clock,
      seeds: config.nodes,
      sentinel: config.sentinel as NonNullable<typeof config.sentinel>,
      node,
      connect: (address, role) => open[role](address),
      onFailover,
      onTopology,
      onFenceOpen: () => this.#exec.wake(),
      onUnwatched: (watched, error) => {
        const message = `the sentinel ${watched} does not let us listen, so that a planned failover may lose writes: ${error.message}`;
        this.#events.emit("warning", { code: "WARN_FLEET_SENTINEL_UNWATCHED", message });
      },
    });
  }

  #makeSubscriber(options: RedisBackendOptions): Subscriber {
    const { clock, onListenerError } = options;
    let echoes = 0;
    return new Subscriber({
      clock,
      mailbox: this.keys.mailChannel(options.instanceId),
      pick: (left) => this.#router.listenAt(left),
      connect: this.#dialler.connect("subscribe"),
      explain,
      // By another server each time: between any two nodes of a cluster the link may be broken.
      publish: (channel, message, limit) => this.#publish(channel, message, `echo ${(echoes += 1)}`, limit),
      onGap: (gap) => {
        this.#gaps += 1;
        this.#events.emit("gap", gap);
      },
      onChange: () => this.#look(),
      onListenerError,
    });
  }

  #makeReachability(clock: Clock): Reachability {
    const open = { probe: this.#dialler.connect("probe"), sentinel: this.#dialler.connect("sentinel") };
    return new Reachability({
      clock,
      topology: () => this.topology(),
      connect: (address, role) => open[role](address),
      explain,
      onUnreachable: ({ id, role }, error) => {
        const mend = error.retryable
          ? "let it announce an address that is reachable, or give FLEET_ADDRESS_MAP"
          : error.help;
        const message = `the topology names ${id} (${role}), and it cannot be used from here when it is needed: ${error.message}${mend === undefined ? "" : `; ${mend}`}`;
        this.#events.emit("warning", { code: "WARN_FLEET_NODE_UNREACHABLE", message });
      },
    });
  }

  #nodeSettings(options: RedisBackendOptions, role: "command" | "durable"): NodeSettings {
    const { config, clock } = options;
    return {
      clock,
      connect: this.#dialler.connect(role),
      breakerAfter: config.timeouts.command,
      refuse: (info, address) => refusal(config.kind, info, address),
      explain,
      onChange: (changed, what) => {
        if (what === "lost" || what === "suspect") this.#router.doubt();
        if (what === "ready") this.#learn(changed);
        this.#look();
      },
      onReconnect: () => {
        this.#reconnects += 1;
      },
      onSignInRefused: (refusing, error) => {
        const message = `${refusing.id} refuses the changed credentials (${error.message}); its connection goes on with the old ones`;
        this.#events.emit("warning", { code: "WARN_FLEET_CREDENTIALS", message });
      },
    };
  }

  /** Something may be different for the state, for those who wait to be ready, and for calls that wait. */
  #look(): void {
    this.#watch.look();
    this.#readiness.look();
    this.#lanes.sweep();
    this.#exec.wake();
  }

  #changed(): void {
    // The first call comes from a router's constructor's own work, always a turn later than the constructor.
    this.#look();
    const topology = this.topology();
    // Connections come and go within one topology.
    const shape = JSON.stringify(topology.nodes, (name, value: unknown) => (name === "state" ? undefined : value));
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#events.emit("topology", topology);
    this.#reachability.changed();
  }

  #learn(node: Node): void {
    const { info } = node;
    for (const warning of warningsOf(info)) {
      if (!this.#warned.has(warning.message)) this.#events.emit("warning", warning);
      this.#warned.add(warning.message);
    }
    if (info !== undefined) this.#capabilities = { flavor: info.flavor, version: info.version };
  }
}
