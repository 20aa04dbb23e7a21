import { fileURLToPath } from "node:url";
import { median } from "../harness/statistics.mjs";
import { LockSubject } from "./locks/lock-subject.mjs";

const worker = fileURLToPath(new URL("locks/worker.mjs", import.meta.url));
const processes = 4;
/** Below this share of its core the client did not set the pace. */
const busyEnough = 0.9;

const column = (title, of, digits = 0) => ({ title, cell: (list) => median(list.map(of)).toFixed(digits) });

const ofPairs = [
  column("sent/pair", ({ sent }) => sent, 2),
  column("p99 us", ({ slow }) => slow),
  column("client us/pair", ({ clientTime }) => clientTime, 1),
  column("server us/pair", ({ serverTime }) => serverTime, 1),
  column("client busy %", ({ clientShare }) => clientShare * 100),
];

const ofContention = [
  column("hold ms", ({ hold }) => hold, 2),
  column("ideal ms", ({ ideal }) => ideal, 1),
  column("p99 ms", ({ value, ideal }) => value * ideal, 1),
  column("gave up", ({ surrenders }) => surrenders),
];

/** Locks of ours and of others: what a pair of acquire and release costs, and how long contenders wait. */
export const suite = {
  contenders: ["ours", "redis-semaphore", "redlock"],
  scenarios: [
    {
      name: "pairs",
      unit: "pairs/s",
      better: "more",
      text: "acquire and release of free locks, 64 in flight in one process",
      columns: ofPairs,
    },
    {
      name: "client-cpu",
      unit: "us/pair",
      better: "less",
      text: "the same rounds, CPU time of the client",
      from: "pairs",
      value: ({ clientTime }) => clientTime,
    },
    {
      name: "server-cpu",
      unit: "us/pair",
      better: "less",
      text: "the same rounds, CPU time of the server",
      from: "pairs",
      value: ({ serverTime }) => serverTime,
    },
    {
      name: "alone",
      unit: "us/pair",
      better: "less",
      text: "acquire and release of free locks, one in flight, the median",
      columns: ofPairs,
    },
    {
      name: "contended",
      unit: "x ideal",
      better: "less",
      text: "4 processes with 4 contenders each on one lock, each holds it for 1 ms: the 99th percentile of the waits",
      columns: ofContention,
    },
    {
      name: "contended-median",
      unit: "x ideal",
      better: "less",
      text: "the same rounds, the median of the waits",
      from: "contended",
      value: ({ middle }) => middle,
    },
    {
      name: "contended-longest",
      unit: "x ideal",
      better: "less",
      text: "the same rounds, the longest wait",
      from: "contended",
      value: ({ longest }) => longest,
    },
    {
      name: "handoffs",
      unit: "holds/s",
      better: "more",
      text: "the same rounds, how often the lock was had",
      from: "contended",
      value: ({ handoffs }) => handoffs,
    },
  ],
  efforts: {
    full: { rounds: 7, warmUp: 2, settle: 0.5, seconds: 4, text: "7 rounds of 4 s" },
    quick: { rounds: 2, warmUp: 0.2, settle: 0.1, seconds: 0.5, text: "2 rounds of 0.5 s" },
  },
  columns: [],

  async open(name, lab, effort) {
    const redis = await lab.startRedis();
    const start = () => lab.startWorker(worker, [name, redis.url]);
    const workers = await Promise.all(Array.from({ length: processes }, start));
    return new LockSubject({ workers, redis, effort });
  },

  /** Doubts about the numbers. */
  notes(results) {
    const { samples } = results.find(({ scenario }) => scenario.name === "pairs");
    const idle = [...samples].flatMap(([name, list]) => {
      const share = median(list.map(({ clientShare }) => clientShare));
      return share < busyEnough ? [`${name} ${(share * 100).toFixed(0)} %`] : [];
    });
    return idle.length === 0 ? [] : [`in "pairs" these clients did not fill their core: ${idle.join(", ")}.`];
  },

  /** What must hold whatever the speed. */
  problems(results) {
    const { samples } = results.find(({ scenario }) => scenario.name === "contended");
    return [...samples].flatMap(([name, list]) => {
      const overlaps = list.reduce((sum, sample) => sum + sample.overlaps, 0);
      return overlaps === 0 ? [] : [`${name} had ${overlaps} holds of one lock at the same time`];
    });
  },
};
