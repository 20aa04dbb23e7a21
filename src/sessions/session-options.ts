import { parseDuration, type Duration } from "../core/duration.js";
import { ConfigError, type ConfigProblem } from "../core/errors.js";
import type { MergeOptions } from "./merge.js";
import { unknownOptions, unknownValue } from "./option-checks.js";

/** `createFleet({ sessions })`: what holds for every store and middleware of the fleet. */
export interface SessionsOptions {
  /**
   * How long a session lives without requests when its cookie has no `maxAge`. Default 1 day with `store()`, 30 minutes
   * with `middleware()`. A session that exists takes a changed value at its next write.
   */
  readonly idle?: Duration | undefined;
  /**
   * How long a session lives at most, whatever is done; 0 for no limit. Default none with `store()`; with `middleware()`
   * 30 days, or the cookie's `maxAge` where that is longer.
   */
  readonly absolute?: Duration | undefined;
  /** The share of the idle time, 0 to 1, that passes before a request extends the session. Default 0.1; 0 extends at each request. */
  readonly touch?: number | undefined;
  /** How the changes of concurrent requests become one session. Default: what I changed is mine, the rest is theirs. */
  readonly merge?: MergeOptions | undefined;
}

/** The options as they are used; milliseconds. */
export interface SessionSettings {
  readonly idle: number | undefined;
  readonly absolute: number | undefined;
  readonly touch: number;
  readonly merge: MergeOptions;
}

const rules = ["counter", "last-write", "reject"];

/** Reads the fleet's session options; throws `ConfigError` with every problem at once. */
export function readSessionsOptions(options: SessionsOptions): SessionSettings {
  const problems = [
    ...unknownOptions(options, ["idle", "absolute", "touch", "merge"], "sessions"),
    ...mergeProblems(options.merge ?? {}),
  ];
  const { touch = 0.1 } = options;
  if (typeof touch !== "number" || !(touch >= 0 && touch <= 1)) {
    problems.push({
      code: "ERR_FLEET_SESSION_OPTION",
      message: `sessions.touch is ${String(touch)}`,
      help: "write a number from 0 to 1",
    });
  }
  const idle = duration(options.idle, "sessions.idle", problems);
  const absolute = duration(options.absolute, "sessions.absolute", problems);
  if (idle === 0) {
    problems.push({
      code: "ERR_FLEET_SESSION_OPTION",
      message: "sessions.idle is 0",
      help: 'write how long a session lives without requests: idle: "30m"',
    });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { idle, absolute, touch, merge: options.merge ?? {} };
}

function duration(value: unknown, where: string, problems: ConfigProblem[]): number | undefined {
  if (value === undefined) return undefined;
  try {
    return Math.ceil(parseDuration(value, where));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function mergeProblems(merge: MergeOptions): ConfigProblem[] {
  return [
    ...unknownOptions(merge, ["default", "fields"], "sessions.merge"),
    ...unknownValue(merge.default, ["field", "last-write", "reject"], "sessions.merge.default"),
    ...Object.entries(merge.fields ?? {}).flatMap(([name, rule]) =>
      unknownValue(rule, rules, `sessions.merge.fields.${name}`),
    ),
  ];
}
