import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFleet, type Fleet } from "../../src/fleet.js";
import type { LocksOptions } from "../../src/locks/index.js";
import { Child } from "../support/child.js";
import { connectionString, type Topology } from "../support/servers/topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import type { LockLack, LocksCommand, LocksOrder, LocksPlan, LocksReply } from "./locks-protocol.js";
import { readTrace, type LockAttempt } from "./locks-trace.js";

const compiledWorker = fileURLToPath(new URL("./locks-worker.js", import.meta.url));
/** So many that some are taken for long at any moment. */
export const manyLocks: readonly string[] = Array.from({ length: 40 }, (_, index) => `lock-${index}`);
const answerWithin = 60_000;

export interface LocksGroupOptions {
  /** Default 5. */
  readonly processes?: number;
  /** Callers of each process that are at work at the same time; default 6. */
  readonly callers?: number;
  /** Default six. */
  readonly names?: readonly string[];
  /** Milliseconds that a patient caller waits; default 15 000. */
  readonly wait?: number;
  /** Default leases of two seconds, and none is longer. */
  readonly locks?: LocksOptions;
  /** What the processes do without. */
  readonly lack?: LockLack;
  /** The share of attempts that steal; default none. */
  readonly steals?: number;
  /** Milliseconds of the longest holds; default 3 000. */
  readonly longHold?: number;
  /** Each process reaches the one server through a proxy of its own. */
  readonly proxied?: boolean;
  /** The compiled worker; default the one beside this file. */
  readonly worker?: string;
}

/** One process that takes locks. */
export interface LocksMember {
  readonly name: string;
  readonly child: Child;
  readonly proxy: TcpProxy | undefined;
}

/** Several processes that take the same few locks, without pause. */
export class LocksGroup {
  readonly topology: Topology;
  readonly names: readonly string[];
  readonly wait: number;
  /** Milliseconds. */
  readonly lease: number;
  /** A fleet that takes no lock, to look at them. */
  readonly fleet: Fleet;
  readonly members: LocksMember[] = [];
  readonly dead = new Set<string>();
  readonly #options: LocksGroupOptions;
  readonly #namespace = `drill-${randomBytes(4).toString("hex")}`;
  readonly #directory: string;
  readonly #all: string[] = [];
  #orders = 0;

  private constructor(topology: Topology, options: LocksGroupOptions, directory: string) {
    this.topology = topology;
    this.names = options.names ?? ["red", "green", "blue", "black", "white", "grey"];
    this.wait = options.wait ?? 15_000;
    this.lease = Number(this.#locks(options).lease);
    this.#options = options;
    this.#directory = directory;
    this.fleet = createFleet({
      backend: connectionString(topology.config),
      namespace: this.#namespace,
      instance: "judge",
      locks: this.#locks(options),
      logger: false,
    });
  }

  /** Starts the processes and resolves when all of them are at work. */
  static async start(topology: Topology, options: LocksGroupOptions = {}): Promise<LocksGroup> {
    const group = new LocksGroup(topology, options, await mkdtemp(join(tmpdir(), "express-fleet-locks-")));
    try {
      await Promise.all(Array.from({ length: options.processes ?? 5 }, () => group.#add()));
      await group.fleet.ready();
      await group.#order(group.members, "work");
      return group;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  /** The key of a lock, as it is stored. */
  key(name: string): string {
    return `${this.#namespace}:locks:{${name}}:lock`;
  }

  /** Whoever holds one of the locks, or waits for one, now. Rejects when nobody does within a while. */
  find(role: "holder" | "waiter", turn: number): Promise<LocksMember> {
    const name = this.names[turn % this.names.length] as string;
    return until(
      async () => {
        const { holder, waiting } = await this.fleet.locks.inspect(name);
        const found = role === "holder" ? holder?.instance : waiting.at(-1)?.instance;
        return this.members.find((member) => member.name === found);
      },
      { what: `a ${role} of the lock ${name}`, every: 5 },
    );
  }

  /** SIGKILL of a process, and another one in its place. */
  async kill(member: LocksMember): Promise<void> {
    this.dead.add(member.name);
    await member.child.kill("SIGKILL");
    await member.proxy?.stop();
    this.members.splice(this.members.indexOf(member), 1);
    await this.#order([await this.#add()], "work");
  }

  /** Resolves when every process has had a lock since now, with the milliseconds that it took. */
  async served(deadline: number): Promise<number> {
    const began = performance.now();
    const before = new Map((await this.counts()).map(({ name, grants }) => [name, grants]));
    await until(async () => (await this.counts()).every(({ name, grants }) => grants > (before.get(name) ?? 0)), {
      what: "every process to have a lock",
      deadline,
    });
    return performance.now() - began;
  }

  /** How often each process has had a lock. */
  async counts(): Promise<readonly { readonly name: string; readonly grants: number }[]> {
    const replies = await this.#order(this.members, "count");
    return replies.map(({ grants }, index) => ({ name: this.members[index]?.name ?? "", grants }));
  }

  /** Ends the taking, and resolves when every attempt has ended, or with what never does. */
  async settle(): Promise<readonly LockAttempt[]> {
    await this.#order(this.members, "pause").catch(() => undefined);
    return this.#all.flatMap((name) => readTrace(name, this.#file(name)));
  }

  /** Ends all processes, whatever state they are in. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ child }) => child.stop()));
    await Promise.all(this.members.flatMap(({ proxy }) => proxy?.stop() ?? []));
    await this.fleet.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #add(): Promise<LocksMember> {
    const { config } = this.topology;
    const { callers = 6, lack, steals = 0, longHold = 3_000, worker = compiledWorker } = this.#options;
    const name = `member-${this.#all.length}`;
    this.#all.push(name);
    const [target] = config.nodes;
    const proxy = this.#options.proxied === true && target ? await TcpProxy.start({ target }) : undefined;
    const plan: LocksPlan = {
      config: proxy === undefined ? config : { ...config, nodes: [{ host: proxy.host, port: proxy.port }] },
      namespace: this.#namespace,
      member: name,
      trace: this.#file(name),
      names: this.names,
      callers,
      wait: this.wait,
      options: this.#locks(this.#options),
      lack,
      steals,
      longHold,
    };
    const environment = { DRILL_PLAN: JSON.stringify(plan) };
    const member: LocksMember = { name, proxy, child: new Child(worker, { environment, lifetime: 3_600_000 }) };
    this.members.push(member);
    await member.child.message(isReady, { deadline: 30_000 });
    return member;
  }

  #locks({ locks = {} }: LocksGroupOptions): LocksOptions {
    return { lease: 2_000, maxLease: 2_000, ...locks };
  }

  #file(name: string): string {
    return join(this.#directory, `${name}.trace`);
  }

  #order(members: readonly LocksMember[], order: LocksOrder): Promise<readonly LocksReply[]> {
    return Promise.all(
      members.map(async ({ child }) => {
        const command: LocksCommand = { number: (this.#orders += 1), order };
        const after = child.messages.length;
        await child.send(command);
        return child.message(
          (message): message is LocksReply => (message as Partial<LocksReply>).number === command.number,
          { after, deadline: answerWithin },
        );
      }),
    );
  }
}

function isReady(message: unknown): message is { kind: "ready" } {
  const { kind, message: reason } = message as { kind?: string; message?: string };
  if (kind === "failed") throw new Error(`a worker could not start: ${reason ?? ""}`);
  return kind === "ready";
}
