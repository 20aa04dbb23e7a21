import { fileURLToPath } from "node:url";
import { Child } from "../support/child.js";
import { startSingle } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { type Drill, type DrillResult, Findings } from "./drill.js";

/** What the worker is told: to make so many calls, or to make calls for so long. */
export interface MemoryOrder {
  readonly calls?: number;
  readonly milliseconds?: number;
}

/** What it holds after that. */
export interface MemorySample {
  readonly kind: "sample";
  /** Since it began. */
  readonly calls: number;
  readonly refused: number;
  /** Bytes on the heap and of buffers, after a collection. */
  readonly held: number;
  readonly rss: number;
  /** Calls that are not settled. */
  readonly pending: number;
}

const worker = fileURLToPath(new URL("./memory-worker.js", import.meta.url));
const warmUp: MemoryOrder = { calls: 20_000 };
const manyCalls: MemoryOrder = { calls: 100_000 };
// The breaker opens after eight seconds, with calls that waited until then; from there on calls are refused at once.
const untilRefused: MemoryOrder = { milliseconds: 12_000 };
const goneForGood: MemoryOrder = { milliseconds: 60_000 };
const allowed = 1.1;

/** What a process holds stays the same: over 100,000 calls, and over a minute in which its server is gone and its calls are refused. */
export const memoryFlat: Drill = {
  name: "memory-flat",
  about: "100,000 session calls on a single server, then a minute of calls without it; what is held may grow by 10 %",
  async run(): Promise<DrillResult> {
    const findings = new Findings();
    const topology = await startSingle();
    const child = new Child(worker, {
      environment: { FLEET_BACKEND: connectionString(topology.config) },
      nodeOptions: ["--expose-gc"],
      lifetime: 600_000,
    });
    const tell = async (order: MemoryOrder): Promise<MemorySample> => {
      const after = child.messages.length;
      await child.send(order);
      return child.message(isSample, { after, deadline: 300_000 });
    };
    try {
      await child.message(isReady, { deadline: 20_000 });
      const warm = await tell(warmUp);
      const worked = await tell(manyCalls);
      await topology.server.kill("SIGKILL");
      const refused = await tell(untilRefused);
      const gone = await tell(goneForGood);
      const calls = worked.calls - warm.calls;
      const refusals = gone.refused - refused.refused;
      findings.expect(calls >= 100_000 && worked.refused === 0, `${worked.refused} of ${calls} calls failed`);
      findings.expect(refusals > 1_000, `only ${refusals} calls were refused while the server was gone`);
      findings.expect(gone.pending === 0, `${gone.pending} calls are pending although every caller was answered`);
      const overCalls = worked.held / warm.held;
      const whileGone = gone.held / worked.held;
      findings.expect(overCalls <= allowed, `what is held grew to ${percent(overCalls)} % over ${calls} calls`);
      findings.expect(whileGone <= allowed, `what is held grew to ${percent(whileGone)} % while the server was gone`);
      const figures = {
        calls,
        "held KiB before": kibibytes(warm.held),
        "after the calls": kibibytes(worked.held),
        "% of before": percent(overCalls),
        refused: refusals,
        "held KiB after a minute without the server": kibibytes(gone.held),
        "% of it with the server": percent(whileGone),
        "rss KiB": kibibytes(gone.rss),
      };
      return { name: memoryFlat.name, faults: 1, figures, failures: findings.failures };
    } finally {
      await child.stop();
      await topology.stop();
    }
  },
};

function isReady(message: unknown): message is { readonly kind: "ready" } {
  const { kind, message: reason } = message as { kind?: string; message?: string };
  if (kind === "failed") throw new Error(`the worker could not start: ${reason ?? ""}`);
  return kind === "ready";
}

function isSample(message: unknown): message is MemorySample {
  return (message as { kind?: unknown }).kind === "sample";
}

function percent(ratio: number): number {
  return Number((ratio * 100).toFixed(1));
}

function kibibytes(bytes: number): number {
  return Math.round(bytes / 1024);
}
