import { beforeAll, describe, expect, test } from "vitest";
import { commands as generatorCommands } from "../../scripts/lua/commands.mjs";
import { startCluster } from "../support/servers/cluster.js";
import { findServer } from "../support/servers/find-server.js";
import type { RunningTopology } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { createFleetWith, useSessions } from "./fleet-for-test.js";
import { CommandDocs } from "./wire-docs.js";
import { luaCalls } from "./wire-lua.js";
import { commandsOf, Monitor } from "./wire-monitor.js";

// Redis 5.0 is the floor: what a server of it does not know is sent only where something tells that this server knows it.

/** What is newer and sent all the same, and what guards it. */
const guarded: Readonly<Record<string, string>> = {
  "sentinel|myid 6.2.0": "a sentinel that refuses it is told from others by its address (sentinel-question.ts)",
  "auth username 6.0.0": "sent only when a user is configured, which is an access list of 6.0 or later",
};

type Words = readonly string[];

/** What a fleet sends while it starts, works, rests for as long as a heartbeat takes, and follows a change. */
async function recorded(
  topology: RunningTopology,
  backend: object,
  change: () => Promise<unknown>,
): Promise<readonly Words[]> {
  const monitors = await Promise.all(
    topology.dataServers.map((server) => Monitor.start(topology.clientOptions(server))),
  );
  const fleet = createFleetWith({ backend: backend as never, namespace: "wire", logger: false });
  try {
    await fleet.ready();
    await useSessions(fleet);
    await change();
    await useSessions(fleet);
    // Its connections are never at rest for so long that a heartbeat is due: the instance says every two seconds that it lives.
    const echoes = (): number => commandsOf(monitors, "wire:").filter(([name]) => /^publish$/i.test(name ?? "")).length;
    const before = echoes();
    await until(() => echoes() > before, { what: "an echo" });
    return [...commandsOf(monitors, "wire:"), ...(await counted(topology))];
  } finally {
    await fleet.close();
    for (const monitor of monitors) monitor.stop();
  }
}

/** The names of all that the servers did, since monitors show no administration and no AUTH; what the test asked of them is among it. */
async function counted(topology: RunningTopology): Promise<readonly Words[]> {
  const stats = await Promise.all(
    topology.dataServers.map(async (server) => String(await topology.command(server, "INFO", "commandstats"))),
  );
  return stats.flatMap((text) => [...text.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = ""]) => name.split("|")));
}

async function single(): Promise<readonly Words[]> {
  const topology = await startSingle({ config: ["databases 2"], users: ["shop on >pw ~wire:* &wire:* +@all"] });
  const proxy = await TcpProxy.start({ target: await topology.primary() });
  try {
    const backend = { url: `redis://shop:pw@127.0.0.1:${proxy.port}/1` };
    const sent = await recorded(topology, backend, () => topology.server.command("SCRIPT", "FLUSH"));
    // AUTH, which monitors do not show.
    return [...sent, ...proxy.commands().map(({ words }) => words)];
  } finally {
    await proxy.stop();
    await topology.stop();
  }
}

async function sentinel(): Promise<readonly Words[]> {
  const topology = await startSentinel({ replicas: 1, sentinels: 1, sentinelPassword: "pw" });
  const [watcher] = topology.sentinels;
  if (watcher === undefined) throw new Error("a sentinel was started");
  const proxy = await TcpProxy.start({ target: watcher });
  try {
    const backend = { url: `redis+sentinel://127.0.0.1:${proxy.port}/mymaster`, sentinel: { password: "pw" } };
    const sent = await recorded(topology, backend, () => topology.failover());
    return [...sent, ...proxy.commands().map(({ words }) => words)];
  } finally {
    await proxy.stop();
    await topology.stop();
  }
}

async function cluster(): Promise<readonly Words[]> {
  const topology = await startCluster();
  try {
    const backend = { kind: "cluster", nodes: topology.config.nodes };
    return await recorded(topology, backend, async () => {
      const [first] = await topology.primaries();
      if (first !== undefined) await topology.failover(first);
      await topology.openAllSlots();
    });
  } finally {
    await topology.stop();
  }
}

async function readDocs(): Promise<CommandDocs> {
  const topology = await startSentinel({ replicas: 0, sentinels: 1 });
  try {
    return new CommandDocs(
      await Promise.all(topology.servers.map((server) => topology.command(server, "COMMAND", "DOCS"))),
    );
  } finally {
    await topology.stop();
  }
}

const { product, major } = await findServer();

if (product === "redis" && major < 7) {
  test("this server has no COMMAND DOCS", () => expect(major).toBeLessThan(7));
} else {
  let docs: CommandDocs;
  let sent: Readonly<Record<"single" | "sentinel" | "cluster", readonly Words[]>>;
  beforeAll(async () => {
    const [read, ...lists] = await Promise.all([readDocs(), single(), sentinel(), cluster()]);
    docs = read;
    sent = { single: lists[0], sentinel: lists[1], cluster: lists[2] };
  });

  /** What is newer than 5.0 and guarded by nothing. */
  const unguarded = (words: Words): readonly string[] =>
    docs.newerThanFloor(words).filter((problem) => !(problem in guarded));

  describe("what is sent", () => {
    test.each(["single", "sentinel", "cluster"] as const)("%s", (kind) => {
      expect([...new Set(sent[kind].flatMap(unguarded))]).toEqual([]);
    });

    test("was seen whole: from the handshake to the heartbeat, the scripts, redirects and the sentinels", () => {
      const seen = (kind: keyof typeof sent): unknown => [...new Set(sent[kind].map((words) => docs.nameOf(words)))];
      const data = [
        "client|setname",
        "info",
        "eval",
        "evalsha",
        "get",
        "set",
        "pexpire",
        "time",
        "publish",
        "subscribe",
        "hset",
      ];
      expect(seen("single")).toEqual(expect.arrayContaining([...data, "auth", "select"]));
      expect(seen("sentinel")).toEqual(
        expect.arrayContaining([...data, "auth", "subscribe", "sentinel|get-master-addr-by-name", "sentinel|replicas"]),
      );
      expect(seen("cluster")).toEqual(expect.arrayContaining([...data, "cluster|slots", "asking"]));
    });

    test("every exception is met, and no other", () => {
      const met = Object.values(sent)
        .flat()
        .flatMap((words) => docs.newerThanFloor(words));
      expect([...new Set(met)].sort()).toEqual(Object.keys(guarded).sort());
    });
  });

  describe("what scripts call", () => {
    test("is of 5.0, command by command and word by word", () => {
      const calls = luaCalls();
      expect(calls.length).toBeGreaterThan(8);
      expect(calls.flatMap(({ file, words }) => docs.newerThanFloor(words).map((problem) => [file, problem]))).toEqual(
        [],
      );
    });

    test("is checked by the generator against the same words", () => {
      const table = generatorCommands as ReadonlyMap<string, { readonly later: readonly string[] }>;
      const missing = [...table].flatMap(([name, { later }]) => {
        const newer = docs.newerThanFloor([name]).filter((problem) => !problem.includes(":"));
        return [
          ...newer,
          ...docs
            .newerTokens(name)
            .filter((token) => !later.includes(token))
            .map((token) => `${name} ${token}`),
        ];
      });
      expect(missing).toEqual([]);
    });
  });

  test.each([
    ["a command", "GETDEL key", "getdel 6.2.0"],
    ["a subcommand", "CLIENT NO-EVICT on", "client|no-evict 7.0.0"],
    ["a word", "SET key value KEEPTTL", "set KEEPTTL 6.0.0"],
    ["a word among alternatives", "PEXPIRE key 1 NX", "pexpire NX 7.0.0"],
    ["a word in a block", "XADD key NOMKSTREAM * a 1", "xadd NOMKSTREAM 6.2.0"],
    ["one argument more", "LPOP key 2", "lpop count 6.2.0"],
    ["a command of sentinels", "SENTINEL MYID", "sentinel|myid 6.2.0"],
    ["a command that nobody knows", "NONSENSE", "nonsense is unknown"],
  ])("the check finds %s that is too new", (_what, line, problem) => {
    expect(docs.newerThanFloor(line.split(" "))).toContain(problem);
  });
}
