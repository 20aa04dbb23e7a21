import type { Origin } from "./backend-config.js";
import { isRecord, refuseUnknown, readText } from "./node-entry.js";
import type { Report } from "./problems.js";
import type { Settings } from "./settings.js";

const texts = ["ca", "caFile", "cert", "certFile", "key", "keyFile", "servername"] as const;

/** Reads `tls`: true, false, or an object of ours; an object, also an empty one, turns TLS on. */
export function readTls(value: unknown, origin: Origin, settings: Settings, report: Report): void {
  if (typeof value === "boolean") {
    settings.claim("backend.tls", value, origin, report);
    return;
  }
  if (!isRecord(value)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", `${origin.name} must be true, false or an object`);
    return;
  }
  settings.claim("backend.tls", true, origin, report);
  refuseUnknown(value, [...texts, "rejectUnauthorized"], origin.name, report);
  for (const name of texts) {
    const text = readText(value[name], `${origin.name}.${name}`, report);
    if (text !== undefined)
      settings.claim(`backend.tls.${name}`, text, { ...origin, name: `${origin.name}.${name}` }, report);
  }
  const { rejectUnauthorized } = value;
  if (rejectUnauthorized === undefined) return;
  const named = { ...origin, name: `${origin.name}.rejectUnauthorized` };
  if (typeof rejectUnauthorized === "boolean")
    settings.claim("backend.tls.rejectUnauthorized", rejectUnauthorized, named, report);
  else report.problem("ERR_FLEET_CONFIG_TYPE", `${named.name} must be true or false`);
}
