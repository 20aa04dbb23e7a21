import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import type { TopologyNode } from "../../../src/backend/backend.js";
import { explain } from "../../../src/backend/redis/diagnosis.js";
import { Reachability } from "../../../src/backend/redis/reachability.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { failure, FakeServer } from "./fake-server.js";
import { fixedCredentials } from "./fixed-credentials.js";
import { elapse } from "./open-backend.js";

let clock: FakeClock;
let server: FakeServer;
let other: FakeServer;
let nodes: TopologyNode[];
let warned: string[];
beforeEach(async () => {
  clock = new FakeClock();
  [server, other] = await Promise.all([FakeServer.start(), FakeServer.start()]);
  nodes = [];
  warned = [];
});
afterEach(() => Promise.all([server.stop(), other.stop()]));

function open(): Reachability {
  const closing = new AbortController();
  const reachability = new Reachability({
    clock,
    topology: () => ({ kind: "cluster", nodes }),
    connect: (address, role) => ({
      address,
      tls: undefined,
      credentials: fixedCredentials({ password: "pw" }),
      name: role,
      database: 0,
      timeout: 5_000,
      signal: closing.signal,
    }),
    explain,
    onUnreachable: ({ id }, error) => warned.push(`${id}: ${error.message}`),
  });
  onTestFinished(() => {
    reachability.close();
    closing.abort();
  });
  return reachability;
}

function node(at: FakeServer, state: TopologyNode["state"] = "not-connected"): TopologyNode {
  return { id: `127.0.0.1:${at.port}`, host: at.host, port: at.port, role: "replica", state };
}

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round += 1) await elapse(clock, 5_000, 500);
}

test("a server that answers is fine, and one that is connected is not asked", async () => {
  nodes = [node(server), node(other, "connected")];
  open().changed();
  await rounds(3);
  expect(warned).toEqual([]);
  expect(server.accepted).toBe(1);
  expect(server.open).toBe(0);
  expect(other.accepted).toBe(0);
});

test("one that cannot be dialled twice is named, once, and again only after it was reached", async () => {
  const reachability = open();
  await other.stop();
  nodes = [node(server), node(other)];
  reachability.changed();
  await elapse(clock, 2_500, 500);
  expect(warned).toEqual([]);
  await elapse(clock, 5_500, 500);
  await until(() => warned.length === 1, { what: "the warning" });
  expect(warned[0]).toMatch(new RegExp(`^127.0.0.1:${other.port}: .* cannot be reached: connect ECONNREFUSED`));
  reachability.changed();
  await rounds(3);
  expect(warned).toHaveLength(1);
  await other.resume();
  reachability.changed();
  await rounds(1);
  await other.stop();
  reachability.changed();
  await rounds(3);
  await until(() => warned.length === 2, { what: "the second warning" });
});

test("one that was away only at first is not named", async () => {
  await server.stop();
  nodes = [node(server)];
  open().changed();
  await elapse(clock, 2_500, 500);
  await server.resume();
  await rounds(3);
  expect(warned).toEqual([]);
});

test("a primary that was just replaced is not named, and is after a minute", async () => {
  const reachability = open();
  const former = node(other, "connected");
  nodes = [{ ...former, role: "primary" }];
  reachability.changed();
  await other.stop();
  nodes = [node(server), { ...former, state: "not-connected" }];
  reachability.changed();
  await rounds(4);
  expect(warned).toEqual([]);
  await rounds(9);
  reachability.changed();
  await rounds(3);
  await until(() => warned.length === 1, { what: "the warning" });
});

test("one that refuses the password is named, one that is loading is not", async () => {
  server.answer(([name]) => (name === "AUTH" ? failure("WRONGPASS invalid username-password pair") : undefined));
  other.answer(([name]) => (name === "INFO" ? failure("LOADING Redis is loading the dataset in memory") : undefined));
  nodes = [node(server), node(other)];
  open().changed();
  await rounds(3);
  await until(() => warned.length === 1, { what: "the warning" });
  expect(warned[0]).toContain(`127.0.0.1:${server.port} refuses the credentials`);
});

test("nothing is dialled after the end", async () => {
  nodes = [node(server)];
  const reachability = open();
  reachability.changed();
  reachability.close();
  await rounds(2);
  expect(server.accepted).toBe(0);
});
