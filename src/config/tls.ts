import type { Origin, TlsVersion } from "./backend-config.js";
import { isRecord, refuseUnknown, readText } from "./node-entry.js";
import type { Report } from "./problems.js";
import type { Settings } from "./settings.js";

const texts = ["ca", "caFile", "cert", "certFile", "key", "keyFile", "servername"] as const;

/** Reads `tls`: true, false, or an object of ours; an object, also an empty one, turns TLS on. `below` names what is in it. */
export function readTls(
  value: unknown,
  origin: Origin,
  settings: Settings,
  report: Report,
  below: (name: string) => Origin = (name) => ({ ...origin, name: `${origin.name}.${name}` }),
): void {
  if (typeof value === "boolean") {
    settings.claim("backend.tls", value, origin, report);
    return;
  }
  if (!isRecord(value)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", `${origin.name} must be true, false or an object`);
    return;
  }
  settings.claim("backend.tls", true, origin, report);
  refuseUnknown(value, [...texts, "rejectUnauthorized", "minVersion", "maxVersion"], origin.name, report);
  for (const end of ["minVersion", "maxVersion"] as const) {
    if (value[end] === undefined) continue;
    const version = readTlsVersion(value[end], below(end).name, report);
    if (version !== undefined) settings.claim(`backend.tls.${end}`, version, below(end), report);
  }
  for (const name of texts) {
    const text = readText(value[name], below(name).name, report);
    if (text !== undefined) settings.claim(`backend.tls.${name}`, text, below(name), report);
  }
  const { rejectUnauthorized } = value;
  if (rejectUnauthorized === undefined) return;
  const named = below("rejectUnauthorized");
  if (typeof rejectUnauthorized === "boolean")
    settings.claim("backend.tls.rejectUnauthorized", rejectUnauthorized, named, report);
  else report.problem("ERR_FLEET_CONFIG_TYPE", `${named.name} must be true or false`);
}

/** `tls` as a text to compare by; `true` is an object without anything in it. */
export function tlsText(value: unknown): string {
  if (!isRecord(value)) return value === true ? "{}" : "none";
  const parts = [...texts, "rejectUnauthorized", "minVersion", "maxVersion"].map(
    (name) => [name, value[name]] as const,
  );
  return JSON.stringify(Object.fromEntries(parts.filter(([, part]) => typeof part === "string" || part === false)));
}

/** Reads `1.0` to `1.3`, also as `TLSv1.2`; anything else is `ERR_FLEET_CONFIG_TLS_RANGE`. */
export function readTlsVersion(value: unknown, where: string, report: Report): TlsVersion | undefined {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const [, minor] = /^(?:TLS ?v?)?1(?:\.([0-3]))?$/i.exec(text.trim()) ?? ["", "none"];
  if (minor !== "none") return minor === undefined || minor === "0" ? "TLSv1" : (`TLSv1.${minor}` as TlsVersion);
  report.problem("ERR_FLEET_CONFIG_TLS_RANGE", `${where} is no version of TLS`, "write 1.2 or 1.3");
  return undefined;
}
