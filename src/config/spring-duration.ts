import type { DialectFields } from "./dialect-fields.js";
import type { Report } from "./problems.js";
import type { Settings, Sourced } from "./settings.js";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longest = 2 ** 31 - 1;

/** `timeout` is the limit of a call and, unless `connect-timeout` says otherwise, of a connection: FlowerDocs documents it as both. */
export function claimSpringTimeouts(fields: DialectFields, settings: Settings, report: Report): void {
  const timeout = read(fields.get("timeout"), report);
  const connect = read(fields.get("connect-timeout"), report) ?? timeout;
  if (timeout !== undefined) settings.claim("backend.timeouts.command", timeout.value, timeout.origin, report);
  if (connect !== undefined) settings.claim("backend.timeouts.connect", connect.value, connect.origin, report);
}

function read(entry: Sourced<unknown> | undefined, report: Report): Sourced<number> | undefined {
  if (entry === undefined) return undefined;
  const { value, origin } = entry;
  const milliseconds = typeof value === "number" ? value : typeof value === "string" ? parse(value.trim()) : undefined;
  if (milliseconds !== undefined && milliseconds > 0 && milliseconds <= longest) return { value: milliseconds, origin };
  report.problem(
    "ERR_FLEET_CONFIG_DURATION",
    `${origin.name} is no time of more than 0 and at most 24 days`,
    "write 2000 (milliseconds), 2s, 500ms, 1m or PT2S",
  );
  return undefined;
}

/** Reads milliseconds from Spring's two forms, `2s` and ISO 8601's `PT2S`; a number alone is milliseconds. */
function parse(text: string): number | undefined {
  const [, amount, unit = "ms"] = /^(\d{1,12})(ms|s|m|h|d)?$/i.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN);
  const [iso, days, hours, minutes, seconds] =
    /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$/i.exec(text) ?? [];
  if (iso === undefined) return undefined;
  return Math.round(
    Number(days ?? 0) * 86_400_000 +
      Number(hours ?? 0) * 3_600_000 +
      Number(minutes ?? 0) * 60_000 +
      Number(seconds ?? 0) * 1000,
  );
}
