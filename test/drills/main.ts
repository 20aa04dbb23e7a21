import { parseArgs } from "node:util";
import type { Drill, DrillResult } from "./drill.js";
import { feedCost } from "./feed-cost.js";
import { feedDrills } from "./feed-drills.js";
import { feedMechanismsOff } from "./feed-mechanisms-off.js";
import { plannedFailover } from "./planned-failover.js";
import { primaryBroken } from "./primary-broken.js";
import { rollingDeploy } from "./rolling-deploy.js";
import { serverGone } from "./server-gone.js";
import { subscriberBroken } from "./subscriber-broken.js";

const drills: readonly Drill[] = [
  primaryBroken("single"),
  primaryBroken("sentinel"),
  primaryBroken("cluster"),
  primaryBroken("sentinel", "frozen"),
  primaryBroken("cluster", "frozen"),
  plannedFailover,
  serverGone,
  subscriberBroken,
  rollingDeploy,
  ...feedDrills,
  feedMechanismsOff,
  feedCost,
];

const usage = `npm run drills -- [--faults N] [--only NAME]... [--json]
${drills.map(({ name, about }) => `  ${name.padEnd(24)} ${about}`).join("\n")}`;

function readArguments(): { readonly faults: number; readonly chosen: readonly Drill[]; readonly json: boolean } {
  const { values } = parseArgs({
    options: {
      faults: { type: "string", default: "3" },
      only: { type: "string", multiple: true },
      json: { type: "boolean", default: false },
    },
  });
  const faults = Number(values.faults);
  if (!Number.isInteger(faults) || faults < 1)
    throw new Error(`--faults takes a whole number from 1, not ${values.faults}`);
  const unknown = (values.only ?? []).filter((name) => drills.every((drill) => drill.name !== name));
  if (unknown.length > 0) throw new Error(`there is no drill named ${unknown.join(", ")}`);
  const chosen = values.only === undefined ? drills : drills.filter(({ name }) => values.only?.includes(name));
  return { faults, chosen, json: values.json };
}

function print({ name, faults, figures, failures }: DrillResult): void {
  const shown = Object.entries(figures).map(([what, value]) => `${what} ${value}`);
  console.log(`${failures.length === 0 ? "passed" : "FAILED"}  ${name}  n=${faults}  ${shown.join(", ")}`);
  for (const failure of failures) console.log(`        ${failure}`);
}

async function main(): Promise<void> {
  const { faults, chosen, json } = readArguments();
  const results: DrillResult[] = [];
  for (const drill of chosen) {
    if (!json) console.log(`running ${drill.name}: ${drill.about}`);
    const result = await drill.run({ faults }).catch((error: Error): DrillResult => {
      return { name: drill.name, faults, figures: {}, failures: [error.stack ?? error.message] };
    });
    results.push(result);
    if (!json) print(result);
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  if (json) console.log(JSON.stringify(results));
  else console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main().catch((error: Error) => {
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
});
