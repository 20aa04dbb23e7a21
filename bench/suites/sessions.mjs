import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { median } from "../harness/statistics.mjs";
import { HttpSubject } from "./sessions/http-subject.mjs";

const app = fileURLToPath(new URL("sessions/app.mjs", import.meta.url));
const withoutRedis = new Set(["bare", "memory-store"]);
/** Below this share of its core the app did not set the pace. */
const busyEnough = 0.9;

/** Requests per second of one Express app with our sessions and with those of others. */
export const suite = {
  contenders: ["ours", "bare", "memory-store", "connect-redis-9", "connect-redis-9-notouch", "connect-redis-8"],
  scenarios: [
    { name: "read", unit: "requests/s", better: "more", text: "an existing session, the route reads a field" },
    { name: "write", unit: "requests/s", better: "more", text: "each request changes a field of its own session" },
    { name: "no-cookie", unit: "requests/s", better: "more", text: "a request without a cookie, nothing is written" },
  ],
  efforts: {
    full: { rounds: 5, warmUp: 2, settle: 0.5, seconds: 3, text: "5 rounds of 3 s, 64 connections" },
    quick: { rounds: 2, warmUp: 0.1, settle: 0.1, seconds: 0.3, text: "2 rounds of 0.3 s, 64 connections" },
  },
  columns: [
    { title: "sent/req", cell: (list) => perRequest(list, ({ sent }) => sent) },
    { title: "run/req", cell: (list) => perRequest(list, runPerRequest) },
    { title: "writes/req", cell: (list) => perRequest(list, ({ redis, total }) => redis && redis.writes / total) },
    {
      title: "app us/req",
      cell: (list) => median(list.map(({ appTime, total }) => appTime / total)).toFixed(1),
    },
    { title: "app busy", cell: (list) => percent(median(list.map(({ appShare }) => appShare))) },
    { title: "load busy", cell: (list) => percent(median(list.map(({ loadShare }) => loadShare))) },
    { title: "run, each", cell: (list) => commandList(list) },
  ],

  async open(name, lab, effort) {
    const redis = withoutRedis.has(name) ? undefined : await lab.startRedis();
    const process = await lab.startApp(app, redis === undefined ? [name] : [name, redis.url]);
    return new HttpSubject({ name, process, redis, effort });
  },

  /** Doubts about the numbers. */
  notes(results) {
    return [...differentCopies(), ...idleApps(results)];
  },

  /** What must hold whatever the speed. */
  problems(results) {
    const reads = results.find(({ scenario }) => scenario.name === "read");
    const writes = reads.samples.get("ours").reduce((sum, { redis }) => sum + redis.writes, 0);
    return writes === 0 ? [] : [`ours made ${writes} Redis writes in "read", where there must be none`];
  },
};

function idleApps(results) {
  const idle = results.flatMap(({ scenario, samples }) =>
    [...samples].flatMap(([name, list]) => {
      const share = median(list.map(({ appShare }) => appShare));
      return share < busyEnough ? [`${scenario.name}/${name} ${percent(share)}`] : [];
    }),
  );
  if (idle.length === 0) return [];
  return [`these apps did not fill their core, so something else on the machine set their pace: ${idle.join(", ")}.`];
}

/** Ours is a link to this repository and so finds the repository's copy of express-session, the peers find the one of bench/. */
function differentCopies() {
  const require = createRequire(import.meta.url);
  const ourFolder = realpathSync(require.resolve("express-fleet/package.json"));
  const versionFor = (load) => load("express-session/package.json").version;
  const [ours, theirs] = [versionFor(createRequire(ourFolder)), versionFor(require)];
  return ours === theirs ? [] : [`ours ran on express-session ${ours}, the peers on ${theirs}; make them the same.`];
}

function runPerRequest({ redis, total }) {
  return redis && [...redis.commands.values()].reduce((sum, count) => sum + count, 0) / total;
}

function perRequest(list, of) {
  const values = list.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? "" : median(values).toFixed(2);
}

function commandList(list) {
  const names = new Set(list.flatMap(({ redis }) => [...(redis?.commands.keys() ?? [])]));
  return (
    [...names]
      .map((name) => ({ name, often: median(list.map(({ redis, total }) => (redis.commands.get(name) ?? 0) / total)) }))
      // The heartbeat of a client is not a request's.
      .filter(({ often }) => often >= 0.005)
      .sort((one, other) => other.often - one.often)
      .map(({ name, often }) => `${name} ${often.toFixed(2)}`)
      .join(", ")
  );
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}
