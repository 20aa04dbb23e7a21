import { ConfigError } from "./errors.js";

/** A length of time in public options: a number of milliseconds, or a number with its unit, `"250ms"`, `"1.5s"`, `"5m"`, `"1h"`, `"30d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Reads a duration as milliseconds.
 *
 * Throws `ConfigError` (`ERR_FLEET_CONFIG_DURATION`) naming `where` when the value is neither a finite number of at
 * least 0 nor a number with a unit. A string without a unit is refused, since nobody can tell seconds from milliseconds.
 */
export function parseDuration(value: unknown, where: string): number {
  const parsed = typeof value === "string" ? parseText(value) : value;
  if (typeof parsed === "number" && Number.isFinite(parsed) && parsed >= 0) return parsed;
  throw new ConfigError([
    {
      code: "ERR_FLEET_CONFIG_DURATION",
      message: `${where} is ${describe(value)}, which is not a duration`,
      help: `write milliseconds, or a number with its unit (ms, s, m, h, d): ${where}: 1500, or ${where}: "1.5s"`,
    },
  ]);
}

function parseText(text: string): number | undefined {
  const [, amount, unit] = pattern.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * (units[unit] ?? Number.NaN);
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  return typeof value === "number" ? String(value) : value === null ? "null" : `of type ${typeof value}`;
}
