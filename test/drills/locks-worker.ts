/** A process of a fleet under drill: takes a few locks without pause, and writes down when it could trust in them. */
import { openSync, writeSync } from "node:fs";
import { createFleet } from "../../src/fleet.js";
import { FleetError } from "../../src/core/errors.js";
import { LockBusyError, LockTimeoutError, type Lock as FullLock } from "../../src/locks/index.js";
import { connectionString } from "../support/servers/topology.js";
import { PlainLocks } from "./locks-plain.js";
import {
  sharedNow,
  type LockEvent,
  type LockOutcome,
  type LocksCommand,
  type LocksOrder,
  type LocksPlan,
  type LocksReply,
} from "./locks-protocol.js";
import { doWithout } from "./locks-without.js";

const plan = JSON.parse(process.env["DRILL_PLAN"] ?? "{}") as LocksPlan;
type Lock = Pick<FullLock, "token" | "held" | "release"> & { readonly lost: { readonly reason: string } | undefined };
const lookEvery = 20;
const longestRest = 25;
const restAfterFailure = 100;
const longestImpatience = 400;

if (plan.lack !== undefined && plan.lack !== "everything") doWithout(plan.lack);
const fleet = createFleet({
  backend: connectionString(plan.config),
  namespace: plan.namespace,
  instance: plan.member,
  locks: plan.options,
  logger: false,
});
const locks = plan.lack === "everything" ? new PlainLocks(plan) : fleet.locks;

// A file, and not messages: what was written stays when this process is killed.
const trace = openSync(plan.trace, "a");
let attempts = 0;
let grants = 0;
let open = 0;
let working = false;
let callers: readonly Promise<void>[] = [];

function note(event: LockEvent): void {
  writeSync(trace, `${JSON.stringify(event)}\n`);
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function pick<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)] as T;
}

/** Short for the most part, so that many holds follow each other. */
function howLong(): number {
  const share = Math.random();
  if (share < 0.025) return plan.longHold * (0.5 + Math.random() / 2);
  return share < 0.5 ? 0 : Math.random() * 60;
}

type How = "waited" | "tried" | "stolen";

/** How one attempt is made. Few callers wait for long, so that not all end behind the longest hold. */
function choose(isPatient: boolean): { readonly how: How; readonly wait: number } {
  const share = Math.random();
  if (share < plan.steals) return { how: "stolen", wait: 0 };
  if (share > 0.9) return { how: "tried", wait: 0 };
  return { how: "waited", wait: isPatient ? plan.wait : Math.ceil(Math.random() * longestImpatience) };
}

async function take(name: string, how: How, wait: number): Promise<Lock | undefined> {
  if (how === "waited") return locks.acquire(name, { wait });
  if (how === "tried") {
    const result = await locks.tryAcquire(name);
    return result.acquired ? result.lock : undefined;
  }
  const outcome = await locks.steal(name, { by: plan.member });
  return outcome.status === "stolen" ? outcome.lock : undefined;
}

/** Notes that it is held, at a moment before the look: a pause between the two proves nothing false. */
function sees(lock: Lock, noteAt: (at: number) => void): boolean {
  const at = sharedNow();
  if (!lock.held) return false;
  noteAt(at);
  return true;
}

async function hold(id: number, lock: Lock, how: How): Promise<LockOutcome> {
  const isHeld = sees(lock, (at) => note(["held", id, lock.token, at, how]));
  grants += 1;
  const until = sharedNow() + howLong();
  let isStill = isHeld;
  while (isStill && sharedNow() < until) {
    await rest(Math.min(lookEvery, Math.max(1, until - sharedNow())));
    isStill = sees(lock, (at) => note(["still", id, at]));
  }
  if (isStill) isStill = sees(lock, (at) => note(["still", id, at]));
  await lock.release();
  if (isStill) return "released";
  return isHeld ? "lost" : "over";
}

function outcomeOf(error: unknown): LockOutcome {
  if (error instanceof LockTimeoutError) return "timeout";
  if (error instanceof LockBusyError) return "busy";
  return error instanceof FleetError ? "refused" : "broken";
}

async function attempt(isPatient: boolean): Promise<void> {
  const id = (attempts += 1);
  const name = pick(plan.names);
  const { how, wait } = choose(isPatient);
  open += 1;
  note(["asked", id, name, sharedNow(), wait]);
  try {
    const lock = await take(name, how, wait);
    const outcome = lock === undefined ? "busy" : await hold(id, lock, how);
    note(["ended", id, sharedNow(), outcome, lock?.lost?.reason ?? ""]);
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    const outcome = outcomeOf(error);
    note(["ended", id, sharedNow(), outcome, outcome === "broken" ? `${code} ${message}` : code]);
    if (outcome !== "timeout") await rest(restAfterFailure);
  } finally {
    open -= 1;
  }
}

async function call(_: unknown, index: number): Promise<void> {
  while (working) {
    await attempt(index % 4 === 0);
    await rest(Math.random() * longestRest);
  }
}

const orders: Readonly<Record<LocksOrder, () => Promise<unknown> | void>> = {
  work() {
    working = true;
    callers = Array.from({ length: plan.callers }, call);
  },
  pause() {
    working = false;
    return Promise.all(callers);
  },
  count: () => undefined,
};

process.on("message", ({ number, order }: LocksCommand) => {
  void Promise.resolve(orders[order]()).then(() => {
    const reply: LocksReply = { number, grants, open };
    process.send?.(reply);
  });
});

Promise.all([fleet.ready(), locks instanceof PlainLocks ? locks.ready() : undefined]).then(
  () => process.send?.({ kind: "ready" }),
  (error: Error) => process.send?.({ kind: "failed", message: error.message }),
);
