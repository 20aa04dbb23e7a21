/** A process of a fleet under drill: appends to a log without pause, follows it, and writes down what it saw. */
import type { RedisBackend } from "../../src/backend/backend.js";
import { openBackend } from "../../src/backend/open-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { Feed } from "../../src/feed/feed.js";
import type { Follower } from "../../src/feed/follower.js";
import {
  logKey,
  logName,
  room,
  trustedFor,
  writeMark,
  type FeedCommand,
  type FeedOrder,
  type FeedPlan,
  type FeedReply,
  type TraceEvent,
} from "./feed-protocol.js";
import { without, type Previous } from "./feed-without.js";

const plan = JSON.parse(process.env["DRILL_PLAN"] ?? "{}") as FeedPlan;
const lookEvery = 20;
const restAfterFailure = 50;

const backend = openBackend({
  config: plan.config,
  namespace: plan.namespace,
  instance: plan.writer,
  instanceId: `${plan.writer}-${process.pid}`,
  clock: systemClock,
  onListenerError: (error) => console.error(error),
}) as RedisBackend;
let follower: Follower | undefined;
let last: Previous | undefined;
const feed = new Feed({
  backend: plan.without.length === 0 ? backend : without(plan.without, backend, () => last),
  clock: systemClock,
  details: () => ({ name: plan.writer, version: "0.0.0", settings: {} }),
  onDiffer: () => undefined,
  onError: (error) => console.error(error),
});
let trace: TraceEvent[] = [];
let writing = false;
let busy: Promise<void> = Promise.resolve();
let counter = 1;
let attempt = 1;

const followed = feed.follow(
  room,
  [
    {
      name: logName,
      key: logKey(plan.namespace),
      consumer: {
        apply({ position, operation, payload }) {
          last = [position, operation];
          trace.push(["applied", Date.now(), position, payload]);
        },
        flush(reason) {
          // The follower goes on from an end of the log that it does not tell of.
          last = undefined;
          trace.push(["flushed", Date.now(), reason]);
        },
      },
    },
  ],
  () => true,
);
follower = followed.follower(logName);

function look(): void {
  // The moment first: what is trusted after it must hold for it.
  const at = Date.now();
  trace.push(["looked", at, plan.without.includes("freshness") || follower?.within(trustedFor) === true]);
}

async function append(): Promise<void> {
  const mark = writeMark({ writer: plan.writer, counter, attempt });
  try {
    const position = await followed.append(logName, mark);
    trace.push(["acknowledged", Date.now(), position, mark]);
    counter += 1;
    attempt = 1;
  } catch (error) {
    trace.push(["failed", Date.now(), mark, (error as Error).message]);
    attempt += 1;
    await rest(restAfterFailure);
  }
}

async function write(): Promise<void> {
  while (writing) {
    await append();
    await rest(plan.appendEvery);
  }
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const orders: Readonly<Record<FeedOrder, () => Promise<void> | void>> = {
  write() {
    writing = true;
    busy = write();
  },
  async pause() {
    writing = false;
    await busy;
  },
  settle: () => follower?.sync(),
  report: () => undefined,
};

process.on("message", ({ number, order }: FeedCommand) => {
  void Promise.resolve(orders[order]())
    .catch(() => undefined)
    .then(() => {
      const stats = { ...feed.stats(), subscriberGaps: backend.stats().gaps };
      const reply: FeedReply = {
        number,
        position: follower?.position ?? "",
        trace: order === "report" ? trace : [],
        stats,
      };
      if (order === "report") trace = [];
      process.send?.(reply);
    });
});

backend
  .ready()
  .then(() => followed.started())
  .then(
    () => {
      setInterval(look, lookEvery);
      process.send?.({ kind: "ready" });
    },
    (error: Error) => process.send?.({ kind: "failed", message: error.message }),
  );
