import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startChild } from "../support/child.js";
import { freePort } from "../support/servers/free-port.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";

// A process that closed its backend ends by itself. It runs the compiled source: a test's own process never ends by itself.

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = `
import { createMemoryBackend } from "./backend/memory/memory-backend.js";
import { createRedisBackend } from "./backend/redis/redis-backend.js";
import { systemClock } from "./core/clock.js";

const { config, wait, calls, drain } = JSON.parse(process.argv[2]);
const options = { namespace: "exit", instance: "child", clock: systemClock, onListenerError: () => {} };
const backend = config.kind === "memory" ? createMemoryBackend({ ...options, name: "demo" }) : createRedisBackend({ ...options, config });
const outcomes = [];
const note = (promise) => promise.then(() => outcomes.push("ok"), ({ code, executed }) => outcomes.push(code + " " + executed));
if (wait === "ready") await backend.ready();
const script = { name: "exit/spin", sha1: "0".repeat(40), source: "return {'OK'}", keys: ["key"], args: [], readOnly: false };
const pending = Array.from({ length: calls }, () => note(backend.run(script, { keys: { key: "exit:room:{a}:x" }, args: {} })));
if (wait !== "ready") pending.push(note(backend.ready()));
if (typeof wait === "number") await new Promise((resolve) => setTimeout(resolve, wait));
if (drain) backend.drain();
const began = performance.now();
await backend.close();
await Promise.all(pending);
const closed = performance.now();
process.on("exit", () => {
  console.log(JSON.stringify({ outcomes: [...new Set(outcomes)].sort(), closing: closed - began, ending: performance.now() - closed }));
});
`;

let folder: string;
let topology: SingleTopology;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-fleet-exit-"));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const options = [
    "-p",
    join(root, "tsconfig.json"),
    "--noCheck",
    "--declaration",
    "false",
    "--isolatedDeclarations",
    "false",
  ];
  const compiled = promisify(execFile)(process.execPath, [tsc, ...options, "--outDir", folder]);
  [topology] = await Promise.all([startSingle(), compiled]);
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  await writeFile(join(folder, "main.js"), program);
  await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
});
afterAll(async () => {
  await topology?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Situation {
  readonly config: object;
  /** When to close: once ready, or after so many milliseconds. */
  readonly wait: "ready" | number;
  readonly calls: number;
  readonly drain?: boolean;
}

interface Outcome {
  readonly outcomes: readonly string[];
  /** Milliseconds from `close` until it and every call had settled, and from then until the process ended. */
  readonly closing: number;
  readonly ending: number;
}

async function run(situation: Situation): Promise<Outcome> {
  const child = startChild(join(folder, "main.js"), {
    arguments: [JSON.stringify(situation)],
    nodeOptions: ["--unhandled-rejections=strict"],
    lifetime: 20_000,
  });
  const exit = await child.exited;
  expect(child.stderr).toBe("");
  expect(exit).toEqual({ code: 0, signal: null, overdue: false });
  const outcome = JSON.parse(child.stdout) as Outcome;
  expect(outcome.closing).toBeLessThan(1_000);
  expect(outcome.ending).toBeLessThan(2_000);
  return outcome;
}

function config(nodes: readonly object[], more: object = {}): object {
  const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };
  return { kind: "single", database: 0, maxPending: 10_000, nodes, timeouts, ...more };
}

/** A server that accepts and never says anything. */
async function silent(): Promise<{ host: string; port: number }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

test("an embedded backend", async () => {
  await run({ config: { kind: "memory" }, wait: "ready", calls: 0 });
});

test("with its server there, calls under way", async () => {
  const { outcomes } = await run({ config: config(topology.config.nodes), wait: "ready", calls: 20 });
  expect(outcomes).toEqual(["ERR_FLEET_CLOSED maybe"]);
});

test("with its server away: at once, and after some attempts, with and without draining first", async () => {
  const away = config([{ host: "127.0.0.1", port: await freePort() }]);
  const situations = [
    { config: away, wait: 0, calls: 20 },
    { config: away, wait: 300, calls: 20 },
    { config: away, wait: 300, calls: 20, drain: true },
  ];
  for (const { outcomes } of await Promise.all(situations.map(run))) expect(outcomes).toEqual(["ERR_FLEET_CLOSED no"]);
});

test.each([
  ["its server", {}],
  ["its sentinel", { kind: "sentinel", sentinel: { name: "mymaster" } }],
  ["its cluster's seed", { kind: "cluster" }],
])("in the middle of a handshake with %s, which says nothing", async (_who, more) => {
  const { outcomes } = await run({ config: config([await silent()], more), wait: 200, calls: 5 });
  expect(outcomes).toEqual(["ERR_FLEET_CLOSED no"]);
});

test("with its server frozen, calls under way", async () => {
  topology.server.pause();
  onTestFinished(() => topology.server.resume());
  // The kernel accepts for it.
  const { outcomes } = await run({ config: config(topology.config.nodes), wait: 200, calls: 5 });
  expect(outcomes).toEqual(["ERR_FLEET_CLOSED no"]);
});
