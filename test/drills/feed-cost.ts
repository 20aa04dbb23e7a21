import { randomBytes } from "node:crypto";
import { openBackend } from "../../src/backend/open-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { Feed } from "../../src/feed/feed.js";
import type { FollowedLogs } from "../../src/feed/followed-logs.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { type Drill, Findings, whileLoadRuns } from "./drill.js";

interface Setting {
  readonly instances: number;
  readonly logs: number;
  /** Caches, topics: whatever takes its share of the entries of the log. */
  readonly topics: number;
  readonly inUse: boolean;
}

/** For each second, over all instances. */
interface Cost extends Setting {
  /** Commands that came from clients. */
  readonly requests: number;
  /** Commands that the server counted, those inside of scripts too. */
  readonly calls: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

interface Member {
  readonly feed: Feed;
  readonly followed: FollowedLogs;
  readonly taken: number[];
  close(): Promise<void>;
}

const settlesWithin = 6_000;
const measured = 20_000;
const appendsPerSecond = 5;
const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };

// As many as a cache has on a single server, and on a cluster.
const logs = 2;
const clusterLogs = 65;

const settings: readonly Setting[] = [false, true].flatMap((inUse) => [
  { instances: 1, logs, topics: 1, inUse },
  { instances: 20, logs, topics: 1, inUse },
  { instances: 20, logs, topics: 20, inUse },
  { instances: 50, logs, topics: 1, inUse },
  { instances: 1, logs: clusterLogs, topics: 1, inUse },
]);

/** What the feed costs a server: it must grow with the instances and with nothing else. */
export const feedCost: Drill = {
  name: "feed-cost",
  about:
    "commands and bytes per second of 1, 20 and 50 instances that follow the same logs, at rest and in use (5 minutes)",
  async run() {
    const topology = await startSingle();
    try {
      const costs: Cost[] = [];
      for (const setting of settings) costs.push(await measure(topology, setting));
      console.error(table(costs));
      const findings = new Findings();
      for (const inUse of [false, true])
        compare(
          costs.filter((cost) => cost.inUse === inUse),
          findings,
        );
      const figures = Object.fromEntries(
        costs.map((cost) => [`${describe(cost)}: requests/s`, Number(cost.requests.toFixed(2))]),
      );
      return { name: "feed-cost", faults: 0, figures, failures: findings.failures };
    } finally {
      await topology.stop();
    }
  },
};

async function measure(topology: SingleTopology, setting: Setting): Promise<Cost> {
  const proxy = await TcpProxy.start({ target: topology.server });
  const namespace = `cost-${randomBytes(4).toString("hex")}`;
  const members = Array.from({ length: setting.instances }, (_, index) => open(proxy, namespace, index, setting));
  let appending = setting.inUse;
  const append = async (): Promise<void> => {
    for (let turn = 0; appending; turn += 1) {
      const payload = `${turn % setting.topics} ${"x".repeat(64)}`;
      await members[turn % members.length]?.followed.append(`log-${turn % setting.logs}`, payload);
      await whileLoadRuns(1_000 / appendsPerSecond);
    }
  };
  try {
    await Promise.all(members.map(({ followed }) => followed.started()));
    const appends = append();
    // Everybody reads the roster whenever somebody comes.
    await whileLoadRuns(settlesWithin);
    proxy.resetCounts();
    const before = await callsOf(topology);
    const began = performance.now();
    await whileLoadRuns(measured);
    const { bytesFromClient, bytesFromServer } = proxy.traffic;
    const requests = Object.values(proxy.commandCounts()).reduce((so, count) => so + count, 0);
    const calls = (await callsOf(topology)) - before;
    const seconds = (performance.now() - began) / 1_000;
    appending = false;
    await appends;
    const each = (count: number): number => count / seconds;
    return {
      ...setting,
      requests: each(requests),
      calls: each(calls),
      bytesIn: each(bytesFromClient),
      bytesOut: each(bytesFromServer),
    };
  } finally {
    appending = false;
    await Promise.all(members.map((member) => member.close()));
    await proxy.stop();
  }
}

function open(proxy: TcpProxy, namespace: string, index: number, { logs, topics, inUse }: Setting): Member {
  const name = `instance-${index}`;
  const backend = openBackend({
    config: {
      kind: "single",
      nodes: [{ host: proxy.host, port: proxy.port }],
      database: 0,
      maxPending: 10_000,
      timeouts,
    },
    namespace,
    instance: name,
    instanceId: `${name}-${process.pid}`,
    clock: systemClock,
    onListenerError: (error) => console.error(error),
  });
  const feed = new Feed({
    backend,
    clock: systemClock,
    details: () => ({ name, version: "0.0.0", settings: { fleet: "0000000000000000" } }),
    onDiffer: () => undefined,
    onError: (error) => console.error(error),
  });
  const taken = Array.from({ length: topics }, () => 0);
  const consumer = {
    apply({ payload }: { readonly payload: string }) {
      const topic = Number(payload.split(" ")[0]);
      taken[topic] = (taken[topic] ?? 0) + 1;
    },
    flush: () => taken.fill(0),
  };
  const logsToFollow = Array.from({ length: logs }, (_, number) => {
    const log = `log-${number}`;
    return { name: log, key: backend.keys.key("drill", log, "log"), consumer };
  });
  const followed = feed.follow("drill", logsToFollow, () => inUse);
  return {
    feed,
    followed,
    taken,
    async close() {
      await feed.close();
      await backend.close();
    },
  };
}

/** Commands that the server has executed, but for our own. */
async function callsOf(topology: SingleTopology): Promise<number> {
  const stats = await topology.server.info("commandstats");
  let calls = 0;
  for (const [command, line] of stats) {
    if (command !== "cmdstat_info") calls += Number(/calls=(\d+)/.exec(line)?.[1] ?? 0);
  }
  return calls;
}

/** Each of those that follow the same logs must make as many requests as one alone. */
function compare(costs: readonly Cost[], findings: Findings): void {
  const [one, ...others] = costs.filter((cost) => cost.logs === logs);
  if (one === undefined) return;
  for (const cost of others) {
    // The appends are the same however many follow; a quarter more is for timers that fell into the measured time.
    const allowed = appendRate(cost) + cost.instances * (one.requests - appendRate(one)) * 1.25;
    findings.expect(cost.requests <= allowed, `${describe(cost)}: ${cost.requests} requests/s, above ${allowed}`);
  }
}

function appendRate({ inUse }: Setting): number {
  return inUse ? appendsPerSecond : 0;
}

function describe({ instances, logs: followed, topics, inUse }: Setting): string {
  return `${instances} instances, ${followed} logs, ${topics} topics, ${inUse ? "in use" : "at rest"}`;
}

function table(costs: readonly Cost[]): string {
  const head = [
    "instances",
    "logs",
    "topics",
    "",
    "requests/s",
    "each",
    "calls/s",
    "each",
    "bytes in/s",
    "bytes out/s",
  ];
  const rows = costs.map(({ instances, logs: followed, topics, inUse, requests, calls, bytesIn, bytesOut }) => [
    `${instances}`,
    `${followed}`,
    `${topics}`,
    inUse ? "in use" : "at rest",
    requests.toFixed(1),
    (requests / instances).toFixed(2),
    calls.toFixed(1),
    (calls / instances).toFixed(2),
    bytesIn.toFixed(0),
    bytesOut.toFixed(0),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
