import { fileURLToPath } from "node:url";
import { startSingle } from "../support/servers/single.js";
import { type Drill, type DrillResult, Findings } from "./drill.js";
import { ReservationGroup } from "./reservation-group.js";

const worker = fileURLToPath(new URL("./reservation-worker.js", import.meta.url));
const clients = 100;
const races = 200;

/** For each fault: 200 races of 100 clients for one document each, and a process that is frozen before its write. */
export const reservationsRace: Drill = {
  name: "reservations-race",
  about: `${clients} clients at three instances race for one document, ${races} times; then an instance freezes before its write`,
  proves: "the token that the write carries refuses what a frozen process still writes after a steal",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSingle();
    const findings = new Findings();
    const figures = { races: 0, "not exactly one": 0, "wrong answers": 0, "late writes refused": 0 };
    let group: ReservationGroup | undefined;
    try {
      group = await ReservationGroup.start(topology.config, { worker, clients });
      for (let turn = 0; turn < faults; turn += 1) {
        for (let race = 0; race < races; race += 1) {
          const { winners, others } = await group.race(`document-${turn}-${race}`);
          figures.races += 1;
          if (winners !== 1) figures["not exactly one"] += 1;
          figures["wrong answers"] += others.length;
          for (const other of others.slice(0, 3)) findings.failures.push(other);
        }
        const { stolen, newWrite, oldWrite, lateWrite, text } = await group.freeze(`frozen-${turn}`);
        const isRefused = oldWrite === 412 && lateWrite.status === 412 && text === "new";
        if (isRefused) figures["late writes refused"] += 1;
        findings.expect(
          isRefused,
          `a late write: ${oldWrite} and ${lateWrite.status}, the table holds ${text ?? "nothing"}`,
        );
        findings.expect(stolen === 200 && newWrite === 204, `the steal was ${stolen}, its write ${newWrite}`);
      }
      findings.expect(
        figures["not exactly one"] === 0,
        `${figures["not exactly one"]} races had not exactly one winner`,
      );
      return { name: reservationsRace.name, faults, figures, failures: findings.failures };
    } finally {
      await group?.stop();
      await topology.stop();
    }
  },
};
