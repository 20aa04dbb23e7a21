import { type DrillResult, Findings } from "./drill.js";
import type { LoadTotals } from "./fleet-under-load.js";

/** Milliseconds within which callers are served again after a fault at down-after 1 s; of a freeze, seven seconds. */
export const recovery = { fault: 5_000, freeze: 7_000 } as const;

/** What is judged beside errors, and effects that were made twice or are missing. */
export interface Judgement {
  readonly name: string;
  readonly faults: number;
  /** Milliseconds that no call may wait longer than, from its begin to its acknowledgement. */
  readonly longestWait: number;
  /** Whether acknowledged writes may be lost: a replica that is promoted after a crash may be behind. Default no. */
  readonly mayLose?: boolean;
  /** More figures. */
  readonly figures?: Readonly<Record<string, number>>;
  /** What else was found. */
  readonly findings?: Findings;
}

/** Judges what a load counted: no call failed or waited too long, and what is stored is what was acknowledged. */
export function judge(totals: LoadTotals, judgement: Judgement): DrillResult {
  const { name, faults, mayLose = false, figures = {}, findings = new Findings() } = judgement;
  const { acknowledged, lost, twice, failures, missing } = totals;
  const longestWait = Math.round(totals.longestWait);
  const [first] = failures;
  findings.expect(
    first === undefined,
    `${failures.length} calls failed, the first with ${first?.code}: ${first?.message}`,
  );
  findings.expect(twice === 0, `${twice} increments were made twice`);
  findings.expect(mayLose || lost === 0, `${lost} acknowledged increments are lost`);
  findings.expect(missing === 0, `${missing} times a session was missing`);
  findings.expect(acknowledged > 0, "the load acknowledged nothing");
  findings.expect(
    longestWait <= judgement.longestWait,
    `a call waited ${longestWait} ms, promised are ${judgement.longestWait}`,
  );
  return {
    name,
    faults,
    figures: { acknowledged, lost, twice, errors: failures.length, "longest wait ms": longestWait, ...figures },
    failures: findings.failures,
  };
}
