import type { LockOutcome } from "./locks-protocol.js";
import type { LockAttempt } from "./locks-trace.js";

/**
 * - `overlap`: two processes, or two callers of one, held a lock at the same moment.
 * - `token`: whoever had it when another had surely ended did not have a higher token.
 * - `open`: an attempt of a living process did not end.
 * - `late`: an attempt took longer than its wait and what a call to the backend may take.
 * - `broken`: an attempt ended with an error that is none of the fleet's.
 */
export type LockViolationKind = "overlap" | "token" | "open" | "late" | "broken";

export interface LockViolation {
  readonly kind: LockViolationKind;
  readonly detail: string;
}

export interface LocksToJudge {
  readonly attempts: readonly LockAttempt[];
  /** Those that were killed: their attempts may be open. */
  readonly dead?: ReadonlySet<string>;
  /** Milliseconds that no attempt may take beyond its wait until it is granted or refused. */
  readonly callTakes: number;
}

export interface LocksVerdict {
  readonly violations: readonly LockViolation[];
  /** Holds that began while one was held that they were stolen from: its holder hears of it a moment later. */
  readonly stolenFrom: number;
  readonly grants: number;
  /** Grants that were seen to be held. */
  readonly intervals: number;
  readonly outcomes: Readonly<Partial<Record<LockOutcome, number>>>;
  /** Refusals by their code, and losses by their reason. */
  readonly codes: Readonly<Record<string, number>>;
  /** The longest from asking to having, milliseconds. */
  readonly longestWait: number;
  /** The longest that somebody was refused after its wait, milliseconds. */
  readonly longestDelay: number;
  /** Refusals of those who waited for as long as anybody. */
  readonly patientTimeouts: number;
  /** The longest that nobody had a lock that somebody waited for, milliseconds. */
  readonly longestGap: number;
}

interface Held extends LockAttempt {
  readonly token: number;
  readonly first: number;
  readonly last: number;
}

/** Judges what all processes of a drill saw of their locks. */
export function judgeLocks({ attempts, dead = new Set(), callTakes }: LocksToJudge): LocksVerdict {
  const violations: LockViolation[] = [];
  const held = attempts.filter(isHeld);
  const late = attempts.filter(({ outcome }) => outcome === "timeout");
  const longestPatience = most(attempts.map(({ wait }) => wait));
  let stolenFrom = 0;
  let longestGap = 0;
  for (const name of new Set(held.map(({ lock }) => lock))) {
    const holds = held.filter(({ lock }) => lock === name).sort((one, other) => one.first - other.first);
    const found = judgeOrder(holds);
    violations.push(...found.violations);
    stolenFrom += found.stolenFrom;
    longestGap = Math.max(longestGap, found.longestGap);
  }
  for (const attempt of attempts) {
    const kind = judgeEnd(attempt, dead, callTakes);
    if (kind !== undefined) violations.push({ kind, detail: describe(attempt) });
  }
  return {
    violations,
    stolenFrom,
    grants: attempts.filter(({ how, outcome }) => how !== undefined || outcome === "over").length,
    intervals: held.length,
    outcomes: count(attempts.flatMap(({ outcome }) => outcome ?? [])),
    codes: count(attempts.flatMap(({ outcome, code }) => (code === "" ? [] : `${outcome} ${code}`))),
    longestWait: most(held.map(({ first, asked }) => first - asked)),
    longestDelay: most(late.map(({ asked, ended = asked, wait }) => ended - asked - wait)),
    patientTimeouts: late.filter(({ wait }) => wait === longestPatience).length,
    longestGap,
  };
}

/** Judges the holds of one lock, in the order of their begin. */
function judgeOrder(holds: readonly Held[]): Pick<LocksVerdict, "violations" | "stolenFrom" | "longestGap"> {
  const violations: LockViolation[] = [];
  let stolenFrom = 0;
  let longestGap = 0;
  // Whoever held it longest among all before, and whoever had the highest token among those who had surely ended.
  let longest: Held | undefined;
  let highest: Held | undefined;
  const ended = holds.toSorted((one, other) => other.last - one.last);
  for (const hold of holds) {
    if (longest !== undefined && hold.first < longest.last) {
      const lasted = Math.min(longest.last, hold.last) - hold.first;
      if (hold.how === "stolen") stolenFrom += 1;
      else
        violations.push({
          kind: "overlap",
          detail: `${lasted.toFixed(1)} ms: ${describe(longest)}, ${describe(hold)}`,
        });
    } else if (longest !== undefined) {
      longestGap = Math.max(longestGap, hold.first - Math.max(longest.last, hold.asked));
    }
    for (let next = ended.at(-1); next !== undefined && next.last < hold.first; next = ended.at(-1)) {
      ended.pop();
      if (highest === undefined || next.token > highest.token) highest = next;
    }
    if (highest !== undefined && hold.token <= highest.token)
      violations.push({ kind: "token", detail: `${describe(highest)}, then ${describe(hold)}` });
    if (longest === undefined || hold.last > longest.last) longest = hold;
  }
  return { violations, stolenFrom, longestGap };
}

function judgeEnd(
  { member, asked, wait, first, ended, outcome }: LockAttempt,
  dead: ReadonlySet<string>,
  callTakes: number,
): LockViolationKind | undefined {
  if (outcome === undefined) return dead.has(member) ? undefined : "open";
  if (outcome === "broken") return "broken";
  return (first ?? ended ?? asked) - asked > wait + callTakes ? "late" : undefined;
}

function isHeld(attempt: LockAttempt): attempt is Held {
  return attempt.first !== undefined;
}

function describe({ member, lock, asked, token, first, last, ended, outcome, code }: LockAttempt): string {
  const held = first === undefined ? "" : ` held ${first.toFixed(1)} to ${last?.toFixed(1)} with ${token}`;
  const end = outcome === undefined ? "" : ` ${outcome}${code === "" ? "" : ` ${code}`} at ${ended?.toFixed(1)}`;
  return `${member} ${lock} asked ${asked.toFixed(1)}${held}${end}`;
}

function most(all: readonly number[]): number {
  return all.reduce((so, each) => Math.max(so, each), 0);
}

function count<K extends string>(all: readonly K[]): Record<K, number> {
  const counts = {} as Record<K, number>;
  for (const each of all) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}
