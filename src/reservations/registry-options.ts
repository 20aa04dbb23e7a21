import { inspect } from "node:util";
import { parseDuration, type Duration } from "../core/duration.js";
import { ConfigError, type ConfigProblem } from "../core/errors.js";
import { optionChecks } from "../core/option-names.js";
import type { Fact } from "../core/settings-fingerprint.js";

/** What holds for every reservation of one registry; the same on all instances. */
export interface RegistryOptions {
  /** How long a session may be silent before what it has reserved is free again. Default 60 s. */
  readonly lease?: Duration | undefined;
  /** How long a reservation lasts at most, whatever the heartbeat does. Default no limit. */
  readonly maxHold?: Duration | undefined;
  /**
   * How many items one owner may have in this registry: what a session or an owner has is released, and moved, in one step.
   * Default 1000; 0 for no limit.
   */
  readonly quota?: number | undefined;
  /**
   * What happens to what the same owner has in another session: refused as anybody's (default), or taken over with a new
   * token.
   */
  readonly sameOwner?: "refuse" | "take-over" | undefined;
}

/** The options as they are used; milliseconds, 0 for no limit. */
export interface RegistrySettings {
  readonly lease: number;
  readonly cap: number;
  readonly quota: number;
  readonly sameOwner: "refuse" | "take-over";
}

const code = "ERR_FLEET_RESERVATION_OPTION";
const { unknownOptions, unknownValue } = optionChecks(code);
const names = ["lease", "maxHold", "quota", "sameOwner"];
const defaultQuota = 1_000;
const kindForm = /^[A-Za-z0-9._-]{1,64}$/;

/** Reads what a registry is defined with; throws `ConfigError` with every problem at once. */
export function readRegistryOptions(kind: string, options: RegistryOptions): RegistrySettings {
  const where = `reservations.define(${inspect(kind)})`;
  const { quota = defaultQuota, sameOwner = "refuse" } = options;
  const problems: ConfigProblem[] = [
    ...unknownOptions(options, names, where),
    ...unknownValue(sameOwner, ["refuse", "take-over"], `${where}: sameOwner`),
  ];
  if (typeof kind !== "string" || !kindForm.test(kind))
    problems.push(problem(`${where} has no usable name`, "write 1 to 64 of A-Z a-z 0-9 . _ -"));
  if (!Number.isSafeInteger(quota) || quota < 0)
    problems.push(problem(`${where}: quota is ${inspect(quota)}`, "write a whole number, or 0 for no limit"));
  const lease = duration(options.lease ?? 60_000, `${where}: lease`, problems);
  const cap = duration(options.maxHold ?? 0, `${where}: maxHold`, problems);
  if (lease === 0)
    problems.push(problem(`${where}: lease is 0`, 'write how long a session may be silent: lease: "60s"'));
  if (problems.length > 0) throw new ConfigError(problems);
  return { lease, cap, quota, sameOwner };
}

/** What of a registry must be the same on all instances. */
export function registryFacts({ lease, cap, quota, sameOwner }: RegistrySettings): Fact {
  return { lease, cap, quota, sameOwner };
}

function problem(message: string, help: string): ConfigProblem {
  return { code, message, help };
}

function duration(value: unknown, where: string, problems: ConfigProblem[]): number {
  try {
    return Math.ceil(parseDuration(value, where));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return 1;
  }
}
