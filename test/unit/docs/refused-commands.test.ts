import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { systemClock } from "../../../src/core/clock.js";
import { isFleetError } from "../../../src/core/errors.js";
import { Feed } from "../../../src/feed/feed.js";
import { RedisSessionStore } from "../../../src/sessions/redis-session-store.js";
import { findServer } from "../../support/servers/find-server.js";
import { startSingle, type SingleTopology } from "../../support/servers/single.js";
import { until } from "../../support/until.js";
import { openBackend, remember } from "../backend/open-backend.js";

// What docs/managed-redis.md says of a server that refuses one command, on a server that does.

const read = (page: string): string => readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
const onServers = read("managed-redis.md").split("\n### On data servers\n")[1] ?? "";
const [, line = ""] = /\n# single, and [^\n]*\n(user [^\n]*)/.exec(read("topologies.md")) ?? [];
const rights = line.split(" ").filter((word) => word.startsWith("+"));

const token = "A".repeat(43);
const cookie = { originalMaxAge: null };

/** What each of these comes to: `ok`, or the error's code and `executed`. */
interface Outcomes {
  readonly load: string;
  readonly put: string;
  readonly again: string;
  readonly destroy: string;
  readonly publish: string;
  readonly instances: string;
  readonly durable: string;
}

const fine: Outcomes = {
  load: "ok",
  put: "ok",
  again: "ok",
  destroy: "ok",
  publish: "ok",
  instances: "ok",
  // The server of this test has no replica.
  durable: "ERR_FLEET_NOT_REPLICATED yes",
};
const denied = "ERR_FLEET_PERMISSION no";
const deniedInScript = "ERR_FLEET_PERMISSION maybe";

const refused: Readonly<Record<string, Partial<Outcomes>>> = {
  "client|setname": {},
  info: {},
  time: { put: deniedInScript, again: deniedInScript, destroy: deniedInScript, instances: denied },
  get: {
    load: denied,
    put: deniedInScript,
    again: deniedInScript,
    destroy: deniedInScript,
    durable: deniedInScript,
  },
  pttl: { load: denied },
  eval: { put: denied, again: denied, destroy: denied, instances: denied, durable: denied },
  evalsha: { again: denied },
  set: { put: deniedInScript, again: deniedInScript, destroy: deniedInScript, durable: deniedInScript },
  pexpire: { destroy: deniedInScript },
  hgetall: { instances: denied },
  wait: { durable: "ERR_FLEET_PERMISSION yes" },
  publish: { publish: denied },
  subscribe: {},
  unsubscribe: {},
};

/** Without these there is no connection with which anything could be tried. */
const needed = ["select", "cluster|slots"];

test("every refusal to which the page gives this code is tried here", () => {
  const rows = onServers.split("\n### ")[0]?.match(/^\| `.*ERR_FLEET_PERMISSION.*$/gm) ?? [];
  const named = rows.flatMap((row) => (row.split(" | ")[0] ?? "").match(/`[^`]+`/g) ?? []);
  const commands = named.map((name) => name.slice(1, -1).replace("\\|", "|"));
  const tried = Object.entries(refused).filter(([, differs]) => Object.keys(differs).length > 0);
  assert.deepEqual(commands.sort(), [...needed, ...tried.map(([command]) => command)].sort());
});

const { product, major } = await findServer();
// The page's access list is one of Redis 7.
if (product === "valkey" || major >= 7) {
  describe("a server that refuses a command to this user", () => {
    let topology: SingleTopology;
    beforeAll(async () => {
      topology = await startSingle();
    });
    afterAll(() => topology?.stop());

    async function open(without: string | undefined): Promise<RedisBackend> {
      const namespace = `n${randomBytes(4).toString("hex")}`;
      const granted = rights.filter((right) => right !== `+${without}`);
      const rules = ["reset", "on", ">pw", `~${namespace}:*`, `&${namespace}:*`, "-@all", ...granted];
      await topology.server.command("ACL", "SETUSER", namespace, ...rules);
      // What another user has made it know would spare this one an EVAL.
      await topology.server.command("SCRIPT", "FLUSH");
      const backend = openBackend({ nodes: topology.config.nodes, username: namespace, password: "pw", namespace });
      await backend.ready();
      return backend;
    }

    test("works with the access list of docs/topologies.md", async () => {
      const backend = await open(undefined);
      assert.deepEqual(await tryAll(backend), fine);
      assert.equal(backend.state, "ready");
    });

    for (const [command, differs] of Object.entries(refused)) {
      test(`without ${command}`, async () => {
        const backend = await open(command);
        assert.deepEqual(await tryAll(backend), { ...fine, ...differs });
        const codes = new Set(Object.values(differs).map((outcome) => outcome.split(" ")[0] ?? ""));
        for (const code of codes) assert.ok(rowOf(command).includes(code), `the row of ${command} has no ${code}`);
      });
    }

    test("without subscribe says that it is deaf", async () => {
      const backend = await open("subscribe");
      backend.subscribe(backend.keys.hintChannel("test"), { message: () => undefined, gap: () => undefined });
      await until(() => backend.state === "degraded", { what: "the state to tell" });
      assert.match(rowOf("subscribe"), /`degraded`: messages are not heard/);
    });
  });
}

function rowOf(command: string): string {
  const name = `\`${command.replace("|", "\\|")}\``;
  return onServers.split("\n").find((line) => line.startsWith("| `") && line.split(" | ")[0]?.includes(name)) ?? "";
}

async function tryAll(backend: RedisBackend): Promise<Outcomes> {
  const store = new RedisSessionStore(backend);
  let sequence = 0;
  const put = async (): Promise<string> => {
    const selector = randomBytes(16).toString("base64url");
    const write = { processId: "one", sequence: (sequence += 1) };
    return outcome(
      store.put({ selector, token, idle: 60_000, absolute: 0, cookie: JSON.stringify(cookie), payload: "{}", write }),
    );
  };
  const load = await outcome(store.load({ selector: randomBytes(16).toString("base64url") }));
  const first = await put();
  const again = await put();
  const selector = randomBytes(16).toString("base64url");
  const destroy = await outcome(store.destroy({ selector, token, write: { processId: "one", sequence: 100 } }));
  const publish = await outcome(backend.publish(backend.keys.hintChannel("test"), "1"));
  const details = (): { name: string; version: string; settings: {} } => ({ name: "one", version: "1", settings: {} });
  const nothing = (): void => undefined;
  const feed = new Feed({ backend, clock: systemClock, details, onDiffer: nothing, onError: nothing });
  const instances = await outcome(feed.roster.instances());
  await feed.close();
  const call = { keys: { key: backend.keys.key("test", "durable", "x") }, args: { operation: "one" } };
  const durable = await outcome(backend.run(remember, call, { replicas: 1, within: 1 }));
  return { load, put: first, again, destroy, publish, instances, durable };
}

async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    return isFleetError(error) ? `${error.code} ${error.executed}` : String(error);
  }
}
