/** A process of a fleet under drill: loads sessions, adds one to their count, saves them, and counts what it was told. */
import { createFleet } from "express-fleet";
import type { WorkerFailure, WorkerOrder, WorkerPlan, WorkerReport } from "./worker-protocol.js";

interface CountingSession {
  count: number;
}

const plan = JSON.parse(process.env["DRILL_PLAN"] ?? "{}") as WorkerPlan;
const fleet = createFleet({
  namespace: plan.namespace,
  sessions: { merge: { fields: { count: "counter" } } },
  logger: false,
});
const store = fleet.sessions.store();

const rest = 5;
const acknowledged: Record<string, number> = {};
const unknown: Record<string, number> = {};
const failures: WorkerFailure[] = [];
let calls = 0;
let missing = 0;
let longestWait = 0;
let failovers = 0;
let working = false;
let busy: Promise<unknown> = Promise.resolve();
fleet.on("failover", () => {
  failovers += 1;
});

function load(id: string): Promise<CountingSession | undefined> {
  return new Promise((resolve, reject) => {
    store.load(id, (error: unknown, session: unknown) => {
      if (error === undefined || error === null) resolve(session as CountingSession | undefined);
      else reject(error as Error);
    });
  });
}

function save(id: string, session: CountingSession): Promise<void> {
  return new Promise((resolve, reject) => {
    store.set(id, session as never, (error?: unknown) => {
      if (error === undefined || error === null) resolve();
      else reject(error as Error);
    });
  });
}

async function increment(id: string): Promise<boolean> {
  const began = performance.now();
  let saving = false;
  calls += 1;
  try {
    const session = await load(id);
    if (session === undefined) {
      missing += 1;
      return false;
    }
    session.count += 1;
    saving = true;
    await save(id, session);
    acknowledged[id] = (acknowledged[id] ?? 0) + 1;
    return true;
  } catch (error) {
    const { code = "", executed = "maybe", message } = error as Error & { code?: string; executed?: string };
    if (saving && executed !== "no") unknown[id] = (unknown[id] ?? 0) + 1;
    failures.push({
      code,
      executed,
      message,
      waited: performance.now() - began,
      at: performance.timeOrigin + performance.now(),
    });
    return false;
  } finally {
    longestWait = Math.max(longestWait, performance.now() - began);
  }
}

async function caller(first: number): Promise<void> {
  for (let turn = first; working; turn += 1) {
    const done = await increment(plan.shared[turn % plan.shared.length] ?? "");
    // A caller that is refused at once rests, or it would only count refusals.
    await new Promise((resolve) => (done ? setImmediate(resolve) : setTimeout(resolve, rest)));
  }
}

function report(): WorkerReport {
  return { kind: "report", calls, acknowledged, unknown, failures, missing, longestWait, failovers };
}

const orders: Readonly<Record<WorkerOrder, () => Promise<void> | void>> = {
  start() {
    working = true;
    busy = Promise.all(Array.from({ length: plan.callers }, (_, index) => caller(index)));
  },
  async pause() {
    working = false;
    await busy;
  },
  report: () => undefined,
  async close() {
    working = false;
    await busy;
    await fleet.close();
    process.disconnect();
  },
};

process.on("message", (order: WorkerOrder) => {
  void Promise.resolve(orders[order]()).then(() => {
    if (order === "report" || order === "pause") process.send?.(report());
  });
});

fleet.ready().then(
  () => process.send?.({ kind: "ready" }),
  (error: Error) => process.send?.({ kind: "failed", message: error.message }),
);
