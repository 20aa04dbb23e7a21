import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { SecretFunction } from "../../src/config/backend-config.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend } from "../unit/backend/open-backend.js";

// One server; each test has a user of its own, whose password changes while it is in use.

let topology: SingleTopology;
let directory: string;
beforeAll(async () => {
  topology = await startSingle();
  directory = await mkdtemp(join(tmpdir(), "express-fleet-secret-"));
});
afterAll(async () => {
  await topology?.stop();
  await rm(directory, { recursive: true, force: true });
});

const keys = ["test:room:{a}:x", "test:room:{b}:x"];

async function user(name: string, password: string): Promise<void> {
  await topology.server.command("ACL", "SETUSER", name, "on", `>${password}`, "~*", "&*", "+@all");
  onTestFinished(async () => void (await topology.server.command("ACL", "DELUSER", name)));
}

async function signIns(): Promise<number> {
  return Number(/calls=(\d+)/.exec((await topology.server.info("commandstats")).get("cmdstat_auth") ?? "calls=0")?.[1]);
}

test("a password that changes in its file is signed in with at once, and serves the connections that come after", async () => {
  await user("filed", "first");
  const file = join(directory, "filed");
  await writeFile(file, "first\n");
  const backend = openBackend({ nodes: [topology.server], username: "filed", password: { file } });
  await backend.ready();
  const callers = startCallers(backend, keys);
  const before = await signIns();
  await topology.server.command("ACL", "SETUSER", "filed", ">second", "<first");
  await writeFile(file, "second\n");
  await until(async () => (await signIns()) === before + 1, { what: "the open connection to sign in anew" });
  expect(backend.stats().reconnects).toBe(0);
  await topology.server.command("CLIENT", "KILL", "USER", "filed");
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged > seen + 100, { what: "calls over the next connection" });
  const { errors, lost } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
});

test("a server that has the new password first costs a wait until the file has it, and no error", async () => {
  await user("early", "first");
  const file = join(directory, "early");
  await writeFile(file, "first");
  const backend = openBackend({ nodes: [topology.server], username: "early", password: { file } });
  await backend.ready();
  const callers = startCallers(backend, keys);
  await topology.server.command("ACL", "SETUSER", "early", ">second", "<first");
  await topology.server.command("CLIENT", "KILL", "USER", "early");
  await until(() => backend.state === "fatal", { what: "the server to refuse the old password" });
  const seen = callers.acknowledged;
  await writeFile(file, "second");
  await until(() => callers.acknowledged > seen + 100, { what: "calls after the file changed" });
  const { errors, lost } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
  expect(backend.state).toBe("ready");
});

test("a password that the server does not know yet is warned of; the connection goes on", async () => {
  await user("late", "first");
  const file = join(directory, "late");
  await writeFile(file, "first");
  const backend = openBackend({ nodes: [topology.server], username: "late", password: { file } });
  await backend.ready();
  const warnings: { readonly code: string; readonly message: string }[] = [];
  backend.on("warning", (warning) => warnings.push(warning));
  await writeFile(file, "second");
  await until(() => warnings.length === 1, { what: "the warning" });
  expect(warnings[0]?.code).toBe("WARN_FLEET_CREDENTIALS");
  expect(warnings[0]?.message).toContain("WRONGPASS");
  expect(JSON.stringify(warnings)).not.toMatch(/first|second/);
  expect(await backend.read("test:room:{a}:x", [["exists"]])).toHaveLength(1);
  expect(backend.stats().reconnects).toBe(0);
});

test("a token from a function is renewed before it ends, on the open connection, under load", async () => {
  await user("token", "token-1");
  let issued = 0;
  const password: SecretFunction = async () => {
    issued += 1;
    await topology.server.command("ACL", "SETUSER", "token", `>token-${issued}`);
    return { username: "token", password: `token-${issued}`, expiresAt: Date.now() + 2_000 };
  };
  const backend = openBackend({ nodes: [topology.server], password });
  await backend.ready();
  const callers = startCallers(backend, keys);
  const before = await signIns();
  await until(async () => (await signIns()) >= before + 2, { what: "two renewals" });
  const { errors } = await callers.stop();
  expect(errors).toEqual([]);
  expect(backend.stats().reconnects).toBe(0);
});
