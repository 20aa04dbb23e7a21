import { inspect } from "node:util";
import { parseDuration, type Duration } from "../core/duration.js";
import { ConfigError, type ConfigProblem } from "../core/errors.js";
import { printableName, suggestion } from "../core/nearest-name.js";
import { optionChecks } from "../core/option-names.js";
import type { LockDescription } from "./lock-notes.js";

/** What of a failover a lock is safe against; docs/locks.md says what each does not cover. */
export type LockGuarantee = "guarded" | "replicated";

/** What holds for all locks of a fleet. */
export interface LocksOptions {
  /** How long a lock outlives a holder that dies; it is renewed while it is held. Default 15 s. */
  readonly lease?: Duration | undefined;
  /** No lease is longer, and after a failover nothing is granted for as long. The same on all instances. Default 30 s. */
  readonly maxLease?: Duration | undefined;
  /** How long `using` and `acquire` wait. Default 10 s. */
  readonly wait?: Duration | undefined;
  /** `replicated` waits for replicas at each grant and renewal. Default `guarded`. */
  readonly guarantee?: LockGuarantee | undefined;
  /** How many replicas `replicated` waits for. Default all that the topology names. */
  readonly replicas?: "all" | number | undefined;
  /** `fast` grants at once after a failover, though it may have lost who holds what: tokens alone protect. Default `guard`. */
  readonly failover?: "guard" | "fast" | undefined;
}

/** What holds for one lock. */
export interface LockOptions extends LockDescription {
  /** Default that of the fleet; at most `maxLease`. */
  readonly lease?: Duration | undefined;
  /** After this long it counts as lost and is renewed no more, for code that may hang. Default never. */
  readonly maxHold?: Duration | undefined;
  /** Nobody gets it earlier than this after it was taken, however soon it is released. Default 0. */
  readonly minHold?: Duration | undefined;
  /** `false` lets it end with its first lease. Default true. */
  readonly renew?: boolean | undefined;
  readonly guarantee?: LockGuarantee | undefined;
}

/** How a lock is waited for. */
export interface AcquireOptions extends LockOptions {
  /** `0` does not wait, `Infinity` waits for ever. Default that of the fleet. */
  readonly wait?: Duration | undefined;
  /** Ends the waiting with the signal's reason; does nothing once the lock is held. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of the fleet, checked. */
export interface LockSettings {
  readonly lease: number;
  readonly maxLease: number;
  readonly wait: number;
  readonly guarantee: LockGuarantee;
  readonly replicas: "all" | number;
  readonly failover: "guard" | "fast";
}

/** The options of one lock, checked; milliseconds. */
export interface LockTerms {
  readonly lease: number;
  readonly wait: number;
  /** Infinite for no limit. */
  readonly maxHold: number;
  readonly minHold: number;
  readonly renew: boolean;
  readonly replicas: "all" | number | undefined;
}

// Below that, a process that is busy for a moment has lost what it held.
const shortestLease = 100;

const { unknownOptions, unknownValue } = optionChecks("ERR_FLEET_LOCK_OPTION");
const settingNames: readonly string[] = ["lease", "maxLease", "wait", "guarantee", "replicas", "failover"];
const describing = ["owner", "reason", "details"];
const optionNames: ReadonlySet<string> = new Set([
  ...describing,
  ...["lease", "maxHold", "minHold", "renew", "guarantee", "wait", "signal"],
]);

/** Checks the fleet's options; throws `ConfigError` with all that is wrong. */
export function resolveLockSettings(options: LocksOptions): LockSettings {
  const problems: ConfigProblem[] = [
    ...unknownOptions(options, settingNames, "locks"),
    ...unknownValue(options.guarantee, ["guarded", "replicated"], "locks.guarantee"),
    ...unknownValue(options.failover, ["guard", "fast"], "locks.failover"),
  ];
  const duration = (name: "lease" | "maxLease" | "wait", fallback: number): number => {
    const value = options[name];
    if (value === undefined || (name === "wait" && value === Number.POSITIVE_INFINITY)) return value ?? fallback;
    try {
      return parseDuration(value, `locks.${name}`);
    } catch (error) {
      problems.push(...(error as ConfigError).problems);
      return fallback;
    }
  };
  const wrong = (message: string, help: string): void =>
    void problems.push({ code: "ERR_FLEET_LOCK_OPTION", message, help });
  const maxLease = duration("maxLease", 30_000);
  const lease = duration("lease", Math.min(15_000, maxLease));
  const { guarantee = "guarded", replicas = "all", failover = "guard" } = options;
  if (maxLease < shortestLease || maxLease > 30_000)
    wrong(`locks.maxLease is ${maxLease} ms`, `give ${shortestLease} ms to 30 s; longer holds are renewed`);
  if (lease < shortestLease || lease > maxLease)
    wrong(`locks.lease is ${lease} ms`, `give ${shortestLease} ms to locks.maxLease, ${maxLease} ms`);
  if (replicas !== "all" && !(Number.isInteger(replicas) && replicas > 0))
    wrong(`locks.replicas is ${inspect(replicas, { depth: 0 })}`, 'give "all" or how many');
  const wait = duration("wait", 10_000);
  if (problems.length > 0) throw new ConfigError(problems);
  return { lease, maxLease, wait, guarantee, replicas, failover };
}

/** Checks the options of one lock; throws `TypeError` or `RangeError` at the call. */
export function resolveLockTerms(settings: LockSettings, options: AcquireOptions): LockTerms {
  for (const name in options) if (!optionNames.has(name)) throw unknownOption(name);
  const { renew = true, guarantee = settings.guarantee } = options;
  if (guarantee !== "guarded" && guarantee !== "replicated")
    throw new TypeError(`guarantee is ${JSON.stringify(guarantee)}; give "guarded" or "replicated"`);
  if (typeof renew !== "boolean") throw new TypeError(`renew is ${JSON.stringify(renew)}; give true or false`);
  const lease = options.lease === undefined ? settings.lease : readDuration(options.lease, "lease");
  if (lease < shortestLease || lease > settings.maxLease)
    throw new RangeError(
      `a lease of ${lease} ms is not between ${shortestLease} ms and locks.maxLease, ${settings.maxLease} ms; longer holds are renewed`,
    );
  const minHold = options.minHold === undefined ? 0 : readDuration(options.minHold, "minHold");
  const wait = options.wait === undefined ? settings.wait : durationOrEver(options.wait, "wait");
  const maxHold = options.maxHold === undefined ? Number.POSITIVE_INFINITY : durationOrEver(options.maxHold, "maxHold");
  return { lease, wait, maxHold, minHold, renew, replicas: guarantee === "replicated" ? settings.replicas : undefined };
}

function unknownOption(name: string): TypeError {
  const meant = suggestion(name, optionNames);
  return new TypeError(
    `a lock has no option ${printableName(name)}${meant}; the options are ${[...optionNames].join(", ")}`,
  );
}

function durationOrEver(value: Duration, name: string): number {
  return value === Number.POSITIVE_INFINITY ? value : readDuration(value, name);
}

/** Reads a duration that was given at a call, as milliseconds; throws `TypeError`: the configuration is not at fault. */
export function readDuration(value: Duration, name: string): number {
  try {
    return parseDuration(value, name);
  } catch (error) {
    const { message, help } = error as ConfigError;
    throw new TypeError(`${message}; ${help}`);
  }
}
