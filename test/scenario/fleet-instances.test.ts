import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { readFileSync } from "node:fs";
import { createFleet, type Fleet, type FleetOptions } from "../../src/index.js";
import { version } from "../../src/version.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { until } from "../support/until.js";

let topology: SingleTopology;
beforeAll(async () => {
  topology = await startSingle();
});
afterAll(() => topology?.stop());

const secret = "0123456789abcdef0123456789abcdef";

interface Opened {
  readonly fleet: Fleet;
  readonly warnings: { readonly code?: unknown; readonly other?: unknown; readonly parts?: unknown }[];
}

function open(instance: string, options: FleetOptions = {}): Opened {
  const warnings: Opened["warnings"] = [];
  const log = (fields: object): void => void warnings.push(fields);
  const fleet = createFleet({
    backend: connectionString(topology.config),
    namespace: "instances",
    instance,
    logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    ...options,
  });
  onTestFinished(() => fleet.close());
  return { fleet, warnings };
}

function differences({ warnings }: Opened): Opened["warnings"] {
  return warnings.filter(({ code }) => code === "WARN_FLEET_SETTINGS_DIFFER");
}

async function names(fleet: Fleet): Promise<readonly string[]> {
  return (await fleet.instances()).map(({ name }) => name);
}

test("the version is that of the package", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(version).toBe(manifest.version);
});

test("every instance knows those that live, and one that closed is gone at once", async () => {
  const [one, two, three] = [open("one"), open("two"), open("three", { namespace: "another" })];
  await until(async () => (await names(one.fleet)).length === 2, { what: "both to be there" });
  expect(await names(two.fleet)).toEqual(["one", "two"]);
  expect(await names(three.fleet)).toEqual(["three"]);
  const instances = await one.fleet.instances();
  expect(instances.map(({ self }) => self)).toEqual([true, false]);
  expect(new Set(instances.map(({ id }) => id)).size).toBe(2);
  for (const instance of instances) expect(instance).toMatchObject({ version, positions: {} });
  await two.fleet.close();
  expect(await names(one.fleet)).toEqual(["one"]);
});

test("instances that sign cookies with different secrets are told apart, in each of them, once", async () => {
  const [one, two] = [open("one"), open("two")];
  one.fleet.sessions.middleware({ secret });
  two.fleet.sessions.middleware({ secret: secret.toUpperCase() });
  await until(() => differences(one).length > 0 && differences(two).length > 0, { what: "both to warn" });
  expect(differences(one)).toMatchObject([{ other: "two", parts: ["sessions"] }]);
  expect(differences(two)).toMatchObject([{ other: "one", parts: ["sessions"] }]);
  expect(JSON.stringify([one.warnings, two.warnings])).not.toContain(secret);
});

test("applications with different rooms are one fleet, and nothing is wrong with that", async () => {
  const [core, gui] = [open("core"), open("gui")];
  gui.fleet.sessions.middleware({ secret });
  await until(async () => (await names(core.fleet)).length === 2, { what: "both to be there" });
  // Whoever comes later looks at all the others: had the first two differed, the third would not be the first to be told of.
  const third = open("third");
  third.fleet.sessions.middleware({ secret: secret.toUpperCase() });
  await until(() => differences(gui).length > 0, { what: "the third to be told of" });
  expect(differences(gui)).toMatchObject([{ other: "third" }]);
  expect(differences(core)).toEqual([]);
});
