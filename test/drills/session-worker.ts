/** A process of a fleet under drill: loads sessions, adds one to their count, saves them, and counts what it was told. */
import { createFleet } from "express-fleet";
import type { WorkerFailure, WorkerOrder, WorkerPlan, WorkerReport, WorkerRequest } from "./worker-protocol.js";

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

interface Lane {
  readonly sessions: readonly string[];
  acknowledgedAt: number;
  silence: number;
}

const lanes: readonly Lane[] = plan.lanes.map((sessions) => ({ sessions, acknowledgedAt: 0, silence: 0 }));
const rest = 5;
const acknowledged: Record<string, number> = {};
const unknown: Record<string, number> = {};
const failures: WorkerFailure[] = [];
const requests: WorkerRequest[] = [];
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
      id,
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

function note(lane: Lane, acknowledged: boolean): void {
  const now = performance.now();
  lane.silence = Math.max(lane.silence, now - lane.acknowledgedAt);
  if (acknowledged) lane.acknowledgedAt = now;
}

async function caller(index: number): Promise<void> {
  const lane = lanes[index % lanes.length] as Lane;
  for (let turn = index; working; turn += 1) {
    const done = await increment(lane.sessions[turn % lane.sessions.length] ?? "");
    note(lane, done);
    // A caller that is refused at once rests, or it would only count refusals.
    await new Promise((resolve) => (done ? setImmediate(resolve) : setTimeout(resolve, rest)));
  }
}

async function callByPace(pace: number): Promise<void> {
  const { sessions } = lanes[0] as Lane;
  const pending = new Set<Promise<void>>();
  for (let turn = 0; working; turn += 1) {
    const at = performance.timeOrigin + performance.now();
    const request = increment(sessions[turn % sessions.length] ?? "").then((done) => {
      requests.push({ at, waited: performance.timeOrigin + performance.now() - at, failed: !done });
      pending.delete(request);
    });
    pending.add(request);
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
  await Promise.all(pending);
}

function report(): WorkerReport {
  const silences = lanes.map((lane) => lane.silence);
  return {
    kind: "report",
    calls,
    acknowledged,
    unknown,
    failures,
    missing,
    longestWait,
    silences,
    requests,
    failovers,
  };
}

const orders: Readonly<Record<WorkerOrder, () => Promise<void> | void>> = {
  start() {
    working = true;
    for (const lane of lanes) lane.acknowledgedAt = performance.now();
    busy =
      plan.pace === undefined
        ? Promise.all(Array.from({ length: plan.callers }, (_, index) => caller(index)))
        : callByPace(plan.pace);
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
