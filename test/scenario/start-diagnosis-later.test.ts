import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Fleet } from "../../src/index.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { createSession, readyFleet } from "./fleet-for-test.js";
import { abilities } from "./start-diagnosis-lab.js";

// What is found only by a fleet that has been ready.

async function start(...config: string[]): Promise<SingleTopology> {
  const topology = await startSingle({ config });
  onTestFinished(() => topology.stop());
  return topology;
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function keyspaces({ server }: SingleTopology): Promise<readonly string[]> {
  return [...(await server.info("keyspace")).keys()];
}

test("a database that is gone after a restart: nothing is written to another", async () => {
  const topology = await start("databases 4");
  const { server } = topology;
  const timeouts = { connect: "1s", command: "1s" } as const;
  const fleet = await readyFleet({ backend: `redis://127.0.0.1:${server.port}/3`, timeouts });
  await createSession(fleet);
  expect(await keyspaces(topology)).toEqual(["db3"]);
  const file = join(server.directory, "server.conf");
  await server.kill();
  writeFileSync(file, readFileSync(file, "utf8").replace("databases 4", "databases 2"));
  // What is written before the end of the connection is heard may have been carried out.
  await until(() => fleet.state !== "ready", { what: "the end of the connection to be heard" });
  const calls = Array.from({ length: 20 }, () => rejection(createSession(fleet)));
  await server.restart();
  await until(() => fleet.state === "fatal", { what: "the mistake to be found" });
  for (const error of await Promise.all(calls)) expect(error).toMatchObject({ executed: "no" });
  expect(await rejection(createSession(fleet))).toMatchObject({
    message: expect.stringContaining("has no such database"),
    cause: { code: "ERR_FLEET_DB_OUT_OF_RANGE", help: expect.stringContaining("use database 0") },
  });
  expect(await keyspaces(topology)).toEqual([]);
});

if (abilities.users) {
  describe("a user of one server who may not do what is needed", () => {
    async function open(...rules: string[]): Promise<Fleet> {
      const { server } = await start();
      await server.command("ACL", "SETUSER", "shop", "on", ">planted", "-@all", ...rules);
      return readyFleet({ backend: `redis://shop:planted@127.0.0.1:${server.port}`, namespace: "shop" });
    }

    test.each([
      ["nothing at all", []],
      ["anything, but of other keys", ["+@all", "~other:*"]],
      ["read, and not run scripts", ["~shop:*", "+get", "+info"]],
    ])("but %s: the first call says what the user needs", async (_what, rules) => {
      const fleet = await open(...rules);
      expect(await rejection(createSession(fleet))).toMatchObject({
        code: "ERR_FLEET_PERMISSION",
        executed: "no",
        message: expect.stringContaining("127.0.0.1:"),
        help: expect.stringMatching(/~shop:\* &shop:\* .*\+evalsha/),
      });
    });
  });
}
