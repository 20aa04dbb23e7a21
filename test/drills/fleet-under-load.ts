import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createFleet, type Fleet } from "express-fleet";
import { Child } from "../support/child.js";
import { connectionString } from "../support/servers/topology.js";
import type { TopologyConfig } from "../support/servers/running-topology.js";
import { isReport, type WorkerPlan, type WorkerReport } from "./worker-protocol.js";

const worker = fileURLToPath(new URL("./session-worker.js", import.meta.url));

export interface LoadOptions {
  readonly processes?: number;
  readonly callers?: number;
  /** How many sessions every caller uses; default 24. */
  readonly sessions?: number;
  /** Identifiers of the sessions instead, by lane: a caller keeps to one lane. */
  readonly lanes?: readonly (readonly string[])[];
  /** Milliseconds between two requests of a process, in place of callers that wait for their answers. */
  readonly pace?: number;
}

/** What was counted, over all processes. */
export interface LoadTotals {
  readonly calls: number;
  readonly acknowledged: number;
  /** Acknowledged increments that are not in the sessions. */
  readonly lost: number;
  /** Increments in the sessions that are neither acknowledged nor possibly made by a failed call. */
  readonly twice: number;
  readonly reports: readonly WorkerReport[];
  readonly failures: readonly WorkerReport["failures"][number][];
  readonly missing: number;
  readonly longestWait: number;
  /** By lane: the longest that one process had nothing acknowledged, in milliseconds. */
  readonly silences: readonly number[];
}

/** Several processes that add to the counts of the same sessions, without pause. */
export class FleetUnderLoad {
  readonly #namespace = `drill-${randomBytes(4).toString("hex")}`;
  readonly #backend: string;
  readonly #sessions: readonly string[];
  readonly #fleet: Fleet;
  readonly #children: readonly Child[];

  private constructor(config: TopologyConfig, options: LoadOptions) {
    this.#backend = connectionString(config);
    const lanes = options.lanes ?? [
      Array.from({ length: options.sessions ?? 24 }, () => randomBytes(24).toString("base64url")),
    ];
    this.#sessions = lanes.flat();
    this.#fleet = createFleet({ backend: this.#backend, namespace: this.#namespace, logger: false });
    const pace = options.pace === undefined ? {} : { pace: options.pace };
    const plan: WorkerPlan = { namespace: this.#namespace, lanes, callers: options.callers ?? 8, ...pace };
    this.#children = Array.from({ length: options.processes ?? 3 }, () => {
      const environment = { FLEET_BACKEND: this.#backend, DRILL_PLAN: JSON.stringify(plan) };
      return new Child(worker, { environment, lifetime: 3_600_000 });
    });
  }

  /** Creates the sessions and resolves when every process is at work. */
  static async start(config: TopologyConfig, options: LoadOptions = {}): Promise<FleetUnderLoad> {
    const load = new FleetUnderLoad(config, options);
    try {
      await load.#fleet.ready();
      const store = load.#fleet.sessions.store();
      for (const id of load.#sessions) {
        await new Promise<void>((resolve, reject) => {
          const session = { cookie: { originalMaxAge: 3_600_000 }, count: 0 };
          store.set(id, session as never, (error?: unknown) => (error ? reject(error as Error) : resolve()));
        });
      }
      await Promise.all(load.#children.map((child) => child.message(isReady, { deadline: 20_000 })));
      await load.order("start");
      return load;
    } catch (error) {
      await load.stop();
      throw error;
    }
  }

  async order(order: "start" | "close"): Promise<void> {
    await Promise.all(this.#children.map((child) => child.send(order)));
  }

  /** What the processes have counted so far, while they go on. */
  reports(): Promise<readonly WorkerReport[]> {
    return this.#ask("report");
  }

  /** Ends the load and compares what was acknowledged with what is stored. */
  async settle(): Promise<LoadTotals> {
    const reports = await this.#ask("pause");
    const stored = await this.#stored();
    let lost = 0;
    let twice = 0;
    let acknowledged = 0;
    for (const id of this.#sessions) {
      const told = sum(reports.map((report) => report.acknowledged[id] ?? 0));
      const perhaps = sum(reports.map((report) => report.unknown[id] ?? 0));
      const found = stored.get(id) ?? 0;
      acknowledged += told;
      lost += Math.max(0, told - found);
      twice += Math.max(0, found - told - perhaps);
    }
    return {
      calls: sum(reports.map((report) => report.calls)),
      acknowledged,
      lost,
      twice,
      reports,
      failures: reports.flatMap((report) => report.failures),
      missing: sum(reports.map((report) => report.missing)),
      longestWait: Math.max(...reports.map((report) => report.longestWait)),
      silences: (reports[0]?.silences ?? []).map((_, lane) =>
        Math.max(...reports.map((report) => report.silences[lane] ?? 0)),
      ),
    };
  }

  /** Ends the load while there is no server to compare with, and gives what failed. */
  async settleWithoutServer(): Promise<readonly WorkerReport["failures"][number][]> {
    return (await this.#ask("pause")).flatMap((report) => report.failures);
  }

  /** Ends all processes, whatever state they are in. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.#fleet.close();
  }

  async #ask(order: "report" | "pause"): Promise<readonly WorkerReport[]> {
    return Promise.all(
      this.#children.map(async (child) => {
        const after = child.messages.length;
        await child.send(order);
        return child.message(isReport, { after, deadline: 30_000 });
      }),
    );
  }

  async #stored(): Promise<ReadonlyMap<string, number>> {
    const store = this.#fleet.sessions.store();
    const counts = new Map<string, number>();
    for (const id of this.#sessions) {
      const session = await new Promise<{ count?: number } | null | undefined>((resolve, reject) => {
        store.get(id, (error: unknown, found: unknown) => {
          if (error) reject(error as Error);
          else resolve(found as { count?: number } | null | undefined);
        });
      });
      counts.set(id, session?.count ?? 0);
    }
    return counts;
  }
}

function isReady(message: unknown): message is { kind: "ready" } {
  const { kind, message: reason } = message as { kind?: string; message?: string };
  if (kind === "failed") throw new Error(`a worker could not start: ${reason ?? ""}`);
  return kind === "ready";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
