import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Backend, RedisBackend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { slotOf } from "../../src/backend/redis/slot.js";
import { systemClock } from "../../src/core/clock.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import type { Topology } from "../support/servers/topology.js";
import { clusterForTest, sentinelForTest, topologyForTest } from "../support/topology-for-test.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import {
  look,
  openBackend,
  rejection,
  remember,
  remembered,
  type BackendForTest,
} from "../unit/backend/open-backend.js";
import { grantedCommands, grantedOnCluster, haveAccessLists, restrictedUser } from "./restricted-user.js";

// The servers are those of the vitest project and shared with other files: nothing here stops one or changes how it works.

const kind = process.env["TEST_TOPOLOGY"];
const unique = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
const namespace = `backend-${unique}`;

describe(`every backend, ${kind}`, () => {
  function open(): Backend {
    if (kind !== "memory") return openRedis();
    const backend = createMemoryBackend({ namespace, instanceId: "one", clock: systemClock });
    onTestFinished(() => backend.close());
    return backend;
  }

  test("is ready, and says what it stands on", async () => {
    const backend = open();
    await backend.ready();
    expect(backend.kind).toBe(kind);
    expect(backend.state).toBe("ready");
    expect(backend.capabilities?.version).toMatch(/^\d+/);
    expect(backend.keys.namespace).toBe(namespace);
    const { kind: told, nodes } = backend.topology();
    expect(told).toBe(kind);
    const serving = nodes.filter(({ role }) => role === "primary" || role === "memory");
    expect(serving.length).toBeGreaterThan(0);
    expect(serving.map(({ state }) => state)).toEqual(serving.map(() => "connected"));
    for (const value of Object.values(backend.stats())) expect(Number.isInteger(value)).toBe(true);
  });

  test("drains and closes once, and is closed then", async () => {
    const backend = open();
    await backend.ready();
    const states: string[] = [];
    backend.on("state", ({ to }) => states.push(to));
    const off = backend.on("state", ({ to }) => states.push(`unheard ${to}`));
    off();
    backend.drain();
    await Promise.all([backend.close(), backend.close()]);
    backend.drain();
    expect(states).toEqual(["draining", "closed"]);
    expect(backend.state).toBe("closed");
    expect((await rejection(backend.ready())).code).toBe("ERR_FLEET_CLOSED");
    expect(backend.stats().connections).toBe(0);
  });
});

function openRedis(more: Partial<BackendForTest> = {}): RedisBackend {
  const { config } = topologyForTest();
  return openBackend({ ...config, namespace, instance: unique, ...more });
}

if (kind !== "memory") {
  suite("the default user", () => ({}));
  if (await haveAccessLists()) {
    suite("a user with the access that the docs grant it", (topology) => restrictedUser(topology, namespace));
    grants();
  }
}

function suite(who: string, credentials: (topology: Topology) => Partial<BackendForTest>): void {
  describe(`a redis backend on ${kind}, as ${who}`, () => {
    const topology = topologyForTest();
    const user = credentials(topology);
    let number = 0;
    let key: string;
    beforeEach(() => {
      number += 1;
      key = `${namespace}:room:{${who.length}-${number}}:x`;
    });

    async function open(more: Partial<BackendForTest> = {}): Promise<RedisBackend> {
      const backend = openRedis({ ...user, ...more });
      await backend.ready();
      return backend;
    }

    function write(backend: RedisBackend, operation: string, to = key): Promise<readonly ["OK", number]> {
      return backend.run(remember, { keys: { key: to }, args: { operation } });
    }

    test("scripts and reads give what is there", async () => {
      const backend = await open();
      expect(await backend.run(look, { keys: { key }, args: {} })).toEqual(["OK", null]);
      expect(await backend.read(key, [["get"], ["pttl"], ["exists"], ["strlen"]])).toEqual([null, -2, 0, 0]);
      expect(await write(backend, "one")).toEqual(["OK", 1]);
      expect(await write(backend, "two")).toEqual(["OK", 2]);
      expect(await write(backend, "one")).toEqual(["OK", 2]);
      expect(await backend.run(look, { keys: { key }, args: {} })).toEqual(["OK", "3|one;two;"]);
      expect(await backend.read(key, [["get"], ["pttl"], ["exists"], ["strlen"]])).toEqual(["3|one;two;", -1, 1, 10]);
    });

    test("a thousand calls at once, over many slots, each have their effect", async () => {
      const backend = await open();
      const keys = Array.from({ length: 50 }, (_, index) => `${namespace}:room:{${who.length}-${number}-${index}}:x`);
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => write(backend, `op-${index}`, keys[index % 50])));
      const counts = await Promise.all(keys.map(async (each) => (await remembered(backend, each)).operations.length));
      expect(counts).toEqual(keys.map(() => 20));
      expect(backend.stats()).toMatchObject({ pending: 0, timeouts: 0, refused: 0 });
    });

    test("tells since when a server has its history of writes", async () => {
      const backend = await open();
      const { replicationId, since } = (await backend.generation(key)) ?? { replicationId: "", since: 0 };
      expect(replicationId).toMatch(/^[0-9a-f]{40}$/);
      expect(since).toBeGreaterThan(1e12);
    });

    test("servers that forget their scripts are sent them again", async () => {
      const backend = await open();
      await write(backend, "before");
      await Promise.all(topology.dataServers.map((server) => topology.command(server, "SCRIPT", "FLUSH")));
      await Promise.all(Array.from({ length: 20 }, (_, index) => write(backend, `op-${index}`)));
      expect((await remembered(backend, key)).operations).toHaveLength(21);
    });

    test("each primary has one connection; what asks for the topology has none left", async () => {
      const instance = `count-${who.length}-${unique}`;
      const backend = await open({ instance });
      const keys = Array.from({ length: 30 }, (_, index) => `${namespace}:room:{${index}}:count`);
      await Promise.all(keys.map((each) => write(backend, "op", each)));
      const counted = async (servers: readonly ServerAddress[]): Promise<string[]> =>
        (await Promise.all(servers.map((server) => connectionsOf(topology, server, instance)))).flat().sort();
      const primaries = await primariesOf(topology);
      const expected = primaries.map(() => `${namespace}:command:${instance}`);
      await until(async () => (await counted(topology.dataServers)).join() === expected.join(), {
        what: `one connection to each of ${primaries.length} primaries`,
      });
      const watchers = topology.sentinels.map(() => `${namespace}:watch:${instance}`);
      await until(async () => (await counted(topology.sentinels)).join() === watchers.join(), {
        what: `one watcher of each of ${watchers.length} sentinels`,
      });
      expect(backend.stats().connections).toBe(primaries.length);
      await backend.close();
      await until(async () => (await counted(topology.servers)).length === 0, { what: "the connections to end" });
    });

    test("connections that the servers end cost no call", async () => {
      const instance = `killed-${who.length}-${unique}`;
      const backend = await open({ instance });
      const keys = Array.from({ length: 12 }, (_, index) => `${namespace}:room:{${who.length}-${number}-${index}}:x`);
      const callers = startCallers(backend, keys);
      for (const round of [1, 2, 3]) {
        const before = backend.stats().reconnects;
        await until(() => callers.acknowledged >= round * 100, { what: `${round * 100} calls` });
        await until(
          async () => {
            for (const server of await primariesOf(topology)) await killConnections(topology, server, instance);
            return backend.stats().reconnects > before;
          },
          { what: "a connection to be lost and replaced", every: 100 },
        );
      }
      const { errors, lost } = await callers.stop();
      expect(errors).toEqual([]);
      expect(lost).toBe(0);
      expect(backend.stats()).toMatchObject({ pending: 0, timeouts: 0 });
    });

    test("calls that wait too long end at their own deadline", async () => {
      const backend = await open();
      const spin = {
        ...look,
        name: "test/spin",
        sha1: "0".repeat(40),
        source: `local t = redis.call("TIME") local e = t[1] * 1000000 + t[2] + 400000
          repeat t = redis.call("TIME") until t[1] * 1000000 + t[2] > e return {"OK", false}`,
      };
      const long = backend.run(spin, { keys: { key }, args: {} });
      const began = performance.now();
      const error = await rejection(
        backend.run(remember, { keys: { key }, args: { operation: "op" } }, { deadline: 80 }),
      );
      expect(error).toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "maybe" });
      expect(performance.now() - began).toBeLessThan(380);
      await long;
      // `maybe`: it was behind the slow one, and done after it.
      await until(async () => (await remembered(backend, key)).operations.length === 1, { what: "the late effect" });
    });

    if (kind === "cluster") {
      test("it is found from one seed, by name", async () => {
        const [seed] = topology.config.nodes;
        const backend = await open({ nodes: [{ host: "localhost", port: seed?.port ?? 0 }] });
        await Promise.all(["a", "b", "c"].map((tag) => write(backend, "op", `${namespace}:room:{${tag}}:seed`)));
        expect(backend.topology().nodes.filter(({ role }) => role === "primary")).toHaveLength(
          (await primariesOf(topology)).length,
        );
        expect(backend.topology().nodes.filter(({ role }) => role === "replica").length).toBeGreaterThan(0);
      });

      test("keys have the slots that servers count", async () => {
        const cluster = clusterForTest();
        const keys = [
          "foo",
          "{}",
          "{}}",
          "foo{}{bar}",
          "foo{{bar}}zap",
          "{a}b",
          "}{",
          "{",
          "über{é€𝄞}",
          " ",
          "{\t}",
          "a{b}c{d}",
        ];
        expect(await Promise.all(keys.map((each) => cluster.slotOf(each)))).toEqual(keys.map(slotOf));
      });
    }

    if (kind === "sentinel") {
      test("all sentinels are learned from one, also by its name", async () => {
        const sentinels = sentinelForTest();
        const [seed] = sentinels.config.nodes;
        const backend = await open({ nodes: [{ host: "localhost", port: seed?.port ?? 0 }] });
        const known = (): number =>
          backend.topology().nodes.filter(({ role, state }) => role === "sentinel" && state === "connected").length;
        await until(() => known() === sentinels.sentinels.length, { what: "a watcher of each sentinel" });
        const replicas = backend.topology().nodes.filter(({ role }) => role === "replica");
        expect(replicas.length).toBe(2);
        expect(backend.topology().nodes).toHaveLength(1 + replicas.length + sentinels.sentinels.length);
      });
    }
  });
}

/** The docs, the error and these tests say the same. */
function grants(): void {
  test("the access that a refused user is told to need is what the docs grant", async () => {
    const topology = topologyForTest();
    const username = `stranger-${unique}`;
    const onEachServer = (...words: string[]): Promise<unknown> =>
      Promise.all(topology.dataServers.map((server) => topology.command(server, "ACL", ...words)));
    const commands = `${grantedCommands} ${grantedOnCluster}`.split(" ");
    await onEachServer("SETUSER", username, "on", ">pw", "resetkeys", "-@all", ...commands);
    onTestFinished(() => onEachServer("DELUSER", username) as Promise<never>);
    const backend = openRedis({ username, password: "pw" });
    await backend.ready();
    const error = await rejection(backend.read(backend.keys.key("room", "tag", "x"), [["get"]]));
    expect(error.code).toBe("ERR_FLEET_PERMISSION");
    const needed = kind === "cluster" ? `${grantedCommands} ${grantedOnCluster}` : grantedCommands;
    expect(error.help).toBe(`the user needs: ~${namespace}:* &${namespace}:* ${needed}`);
    const page = readFileSync(new URL("../../docs/topologies.md", import.meta.url), "utf8");
    expect(page).toContain(`-@all ${grantedCommands} ${grantedOnCluster}\n`);
  });
}

/** The servers that calls go to. */
async function primariesOf(topology: Topology): Promise<readonly ServerAddress[]> {
  switch (topology.kind) {
    case "cluster":
      return clusterForTest().primaries();
    case "sentinel":
      return [await sentinelForTest().primary()];
    default:
      return topology.dataServers;
  }
}

async function clientList(topology: Topology, server: ServerAddress): Promise<{ id: string; name: string }[]> {
  const text = String(await topology.command(server, "CLIENT", "LIST"));
  return text.split("\n").flatMap((line) => {
    const fields = new Map(
      line.split(" ").map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)]),
    );
    const [id, name] = [fields.get("id"), fields.get("name")];
    return id === undefined || name === undefined ? [] : [{ id, name }];
  });
}

async function connectionsOf(topology: Topology, server: ServerAddress, instance: string): Promise<string[]> {
  return (await clientList(topology, server)).map(({ name }) => name).filter((name) => name.endsWith(`:${instance}`));
}

async function killConnections(topology: Topology, server: ServerAddress, instance: string): Promise<void> {
  for (const { id, name } of await clientList(topology, server)) {
    if (name.endsWith(`:command:${instance}`)) await topology.command(server, "CLIENT", "KILL", "ID", id);
  }
}
