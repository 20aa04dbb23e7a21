import type { RedisProcess } from "../../test/support/servers/redis-process.js";
import type { Topology } from "../../test/support/servers/topology.js";
import { until } from "../../test/support/until.js";
import { explain } from "./explain.js";
import type { ActionResult } from "./instance-actions.js";
import {
  addressText,
  rulesFor,
  type Killed,
  type ServerAction,
  type ServerOption,
  type ServerRules,
} from "./server-rules.js";

/** A server that the demo has started. */
export interface OwnServer {
  readonly address: string;
  readonly running: boolean;
  /** What can be done with it; undefined when nothing. */
  readonly option: ServerOption | undefined;
}

/** A primary that a trial has killed. */
export interface KilledPrimary extends Killed {
  /** Starts it again; where there is another primary now, it becomes a replica some seconds later. */
  repair(): Promise<void>;
}

/** Is told, in words, what happens to servers, and what made up for one that was killed. */
export type ServerReport = (kind: "server" | "takeover", text: string) => void;

/** What can be done is asked of the servers again when it is older than this. */
const freshFor = 400;
const killableLimit = 60_000;

/** The servers that the demo has started, to be killed and started again, one at a time. */
export class OwnServers {
  readonly #topology: Topology;
  readonly #report: ServerReport;
  readonly #closing = new AbortController();
  readonly #rules: ServerRules;
  #options: ReadonlyMap<string, ServerOption> | undefined;
  #asking: Promise<ReadonlyMap<string, ServerOption>> | undefined;
  #askedAt = -Infinity;
  #last: Promise<unknown> = Promise.resolve();

  /** `report` is told what happens to them. */
  constructor(topology: Topology, report: ServerReport) {
    this.#topology = topology;
    this.#report = report;
    this.#rules = rulesFor(topology, this.#closing.signal);
  }

  /** All of them, always in the same order; does not wait for servers, so what can be done may be a moment old. */
  async list(): Promise<readonly OwnServer[]> {
    if (performance.now() - this.#askedAt > freshFor) this.#asking ??= this.#ask();
    const options = this.#options ?? (await this.#asking);
    return this.#topology.processes.map((server) => {
      const address = addressText(server);
      return { address, running: server.running, option: options?.get(address) };
    });
  }

  has(address: string): boolean {
    return this.#at(address) !== undefined;
  }

  /** The addresses of those that do not run. */
  get down(): readonly string[] {
    return this.#topology.processes.filter(({ running }) => !running).map(addressText);
  }

  /** Does it once what was asked before is done. Rejects when a server cannot be started. */
  act(address: string, action: ServerAction): Promise<ActionResult> {
    return this.#inTurn(() => this.#act(address, action));
  }

  /** Kills a primary as soon as that can be done. Rejects when that takes longer than a minute. */
  killPrimary(): Promise<KilledPrimary> {
    return this.#inTurn(async () => {
      const { signal } = this.#closing;
      const server = await until(async () => signal.aborted || (await this.#killable()), {
        what: "a primary that can be killed",
        deadline: killableLimit,
        every: 200,
      });
      if (server === true) throw signal.reason;
      const { replaced } = await this.#kill(server);
      return { replaced, repair: () => (server.running ? Promise.resolve() : server.restart()) };
    });
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.#closing.abort();
    // A server that is just being started would outlive the others.
    await this.#last;
    await this.#topology.stop();
  }

  async #act(address: string, action: ServerAction): Promise<ActionResult> {
    const server = this.#at(address);
    const option = (await this.#ask()).get(address);
    if (server === undefined || option?.action !== action) return { refused: whyNot(address, action, server) };
    if (option.refusal !== undefined) return { refused: `Not now: ${option.refusal}.` };
    const done = await this.#do(server, action);
    await this.#ask();
    return { done };
  }

  async #do(server: RedisProcess, action: ServerAction): Promise<string> {
    const address = addressText(server);
    if (action === "start") {
      await server.restart();
      this.#report("server", `${address} was started again`);
      return `${address} was started again.`;
    }
    const { replaced } = await this.#kill(server);
    if (action === "restart") await replaced;
    return `${address} was killed (SIGKILL).`;
  }

  async #kill(server: RedisProcess): Promise<Killed> {
    const began = performance.now();
    const killed = await this.#rules.kill(server);
    this.#report("server", `${addressText(server)} was killed`);
    killed.replaced.then(
      (what) =>
        this.#report("takeover", `${what}, ${((performance.now() - began) / 1_000).toFixed(1)} s after the kill`),
      (error: unknown) => this.#closing.signal.aborted || this.#report("server", explain(error)),
    );
    return killed;
  }

  async #killable(): Promise<RedisProcess | undefined> {
    const options = await this.#ask();
    return this.#topology.processes.find((server) => {
      const option = options.get(addressText(server));
      return option !== undefined && option.action !== "start" && option.refusal === undefined;
    });
  }

  async #ask(): Promise<ReadonlyMap<string, ServerOption>> {
    const options = await this.#rules.options();
    this.#options = options;
    this.#askedAt = performance.now();
    this.#asking = undefined;
    return options;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      this.#closing.signal.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #at(address: string): RedisProcess | undefined {
    return this.#topology.processes.find((server) => addressText(server) === address);
  }
}

function whyNot(address: string, action: ServerAction, server: RedisProcess | undefined): string {
  const isRunning = server?.running === true;
  if (action === "start") return `${address} ${isRunning ? "runs" : "cannot be started"}.`;
  if (!isRunning) return `${address} does not run.`;
  return `${address} is not a primary now, and only a primary can be ${action === "kill" ? "killed" : "restarted"} here.`;
}
