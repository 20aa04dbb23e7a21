import type { NodeAddress, Origin } from "./backend-config.js";
import { IoredisReader } from "./ioredis-reader.js";
import { readJson } from "./json-value.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";
import type { Settings } from "./settings.js";

/** What `REDIS_OPTIONS` says. */
export interface RedisOptionsReading {
  readonly settings: Settings;
  /** The sentinels that it names; an empty list when they were named but cannot be read. */
  readonly sentinels?: readonly NodeAddress[];
}

const origin: Origin = { origin: "env", name: "REDIS_OPTIONS" };
const example = '{"password":"***","connectTimeout":20000}';

/** Reads `REDIS_OPTIONS`; a text that is no JSON object is an error and never skipped, since a password would be lost with it. */
export function readRedisOptions(text: string, settings: Settings, report: Report): RedisOptionsReading | undefined {
  const json = readJson(text, origin, example, report);
  if (json === undefined) return undefined;
  if (!isRecord(json.value)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "REDIS_OPTIONS must be a JSON object", `REDIS_OPTIONS='${example}'`);
    return undefined;
  }
  const reader = new IoredisReader({ from: "variable", settings, origin, report });
  reader.read(json.value);
  reader.finish();
  return { settings, ...(reader.sentinels === undefined ? {} : { sentinels: reader.sentinels }) };
}
