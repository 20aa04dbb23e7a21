import { parseArgs } from "node:util";
import { clusterAddressesChanged, clusterAddressesMoved } from "./cluster-addresses-changed.js";
import { clusterPlannedFailover } from "./cluster-planned-failover.js";
import { clusterReshard } from "./cluster-reshard.js";
import { clusterResized } from "./cluster-resized.js";
import { clusterSlotHalfMoved } from "./cluster-slot-half-moved.js";
import { clusterSlotUncovered } from "./cluster-slot-uncovered.js";
import { addressMoves } from "./address-moves.js";
import { clientKillStorm } from "./client-kill-storm.js";
import type { Drill, DrillResult } from "./drill.js";
import { firstSentinelFrozen } from "./first-sentinel-frozen.js";
import { halfOpenSockets } from "./half-open-sockets.js";
import { newPassword } from "./new-password.js";
import { memoryFlat } from "./memory-flat.js";
import { feedCost } from "./feed-cost.js";
import { feedDrills } from "./feed-drills.js";
import { feedMechanismsOff } from "./feed-mechanisms-off.js";
import { locksCanaries } from "./locks-canaries.js";
import { locksDrills } from "./locks-drills.js";
import { plannedFailover } from "./planned-failover.js";
import { primaryBroken } from "./primary-broken.js";
import { credentialRotation } from "./rotation.js";
import { spipedTunnels } from "./spiped-tunnels.js";
import { replicaofAndBack } from "./replicaof-and-back.js";
import { reservationsRace } from "./reservations-race.js";
import { rollingDeploy } from "./rolling-deploy.js";
import { sentinelsAway } from "./sentinels-away.js";
import { serverGone } from "./server-gone.js";
import { subscriberBroken } from "./subscriber-broken.js";
import { shippedTimes } from "./shipped-times.js";

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
  reservationsRace,
  firstSentinelFrozen("killed"),
  firstSentinelFrozen("frozen"),
  sentinelsAway,
  replicaofAndBack,
  clientKillStorm("single"),
  clientKillStorm("sentinel"),
  halfOpenSockets,
  addressMoves("cut"),
  addressMoves("stay"),
  addressMoves("promoted-first"),
  credentialRotation,
  spipedTunnels,
  newPassword("single"),
  newPassword("sentinel"),
  memoryFlat,
  clusterPlannedFailover,
  clusterReshard,
  clusterResized,
  clusterSlotHalfMoved,
  clusterSlotUncovered,
  clusterAddressesChanged,
  clusterAddressesMoved,
  shippedTimes("cluster", "killed"),
  shippedTimes("cluster", "frozen"),
  shippedTimes("sentinel", "killed"),
  shippedTimes("sentinel", "frozen"),
  ...feedDrills,
  feedMechanismsOff,
  feedCost,
  ...locksDrills,
  locksCanaries,
];

const usage = `npm run drills -- [--faults N] [--only NAME]... [--json]
${drills.map(described).join("\n")}`;

function described({ name, about, proves }: Drill): string {
  const proof = proves === undefined ? "" : `\n  ${"".padEnd(24)} proves: ${proves}`;
  return `  ${name.padEnd(24)} ${about}${proof}`;
}

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
