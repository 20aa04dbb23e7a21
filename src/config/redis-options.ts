import { readNatMap } from "./address-map.js";
import type { NodeAddress, Origin } from "./backend-config.js";
import { ioredisOptions } from "./ioredis-options.js";
import { readJson } from "./json-value.js";
import { printableName, suggestion } from "../core/nearest-name.js";
import { distinctNodes, isRecord, readHostPort, readNodeObject, readText, refuseUnknown } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readDatabase, readKeyPrefix, readTimeout } from "./scalars.js";
import type { Settings } from "./settings.js";
import { readTls } from "./tls.js";

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
  const reader = new OptionsReader(settings, report);
  reader.read(json.value, origin.name);
  reader.finish();
  return { settings, ...(reader.sentinels === undefined ? {} : { sentinels: reader.sentinels }) };
}

class OptionsReader {
  readonly #settings: Settings;
  readonly #report: Report;
  readonly #managed = new Map<string, string[]>();
  sentinels: readonly NodeAddress[] | undefined;
  #tls: unknown;
  #sentinelTls: unknown;

  constructor(settings: Settings, report: Report) {
    this.#settings = settings;
    this.#report = report;
  }

  read(options: Readonly<Record<string, unknown>>, where: string): void {
    for (const [name, value] of Object.entries(options)) {
      const treatment = Object.hasOwn(ioredisOptions, name) ? ioredisOptions[name] : undefined;
      const named = `${where}.${name}`;
      if (treatment === undefined)
        this.#refuse(
          `${where} has ${printableName(name)}, which is no option of ioredis${suggestion(name, Object.keys(ioredisOptions))}`,
        );
      else if (treatment.how === "managed")
        this.#managed.set(treatment.reason, [...(this.#managed.get(treatment.reason) ?? []), name]);
      // ioredis' own defaults are null: nothing was asked for.
      else if (value === null) continue;
      else if (treatment.how === "refused") this.#refuse(`${named} cannot be used: ${treatment.reason}`);
      else if (treatment.how === "honoured") this.#honour(name, value, named);
      else if (value !== treatment.value)
        this.#refuse(`${named} cannot be used but with ${JSON.stringify(treatment.value)}: ${treatment.reason}`);
    }
  }

  /** Reads what depends on several options at once. */
  finish(): void {
    if (this.#sentinelTls !== undefined) {
      const [tls, sentinelTls] = [this.#tls ?? false, this.#sentinelTls].map((value) =>
        JSON.stringify(value === true ? {} : value),
      );
      if (tls !== sentinelTls) {
        this.#report.problem(
          "ERR_FLEET_CONFIG_TLS_MIXED",
          "REDIS_OPTIONS differs between tls and sentinelTLS: sentinels and data nodes use the same TLS",
          "give tls alone",
        );
      }
    }
    if (this.#managed.size === 0) return;
    const named = [...this.#managed].map(([reason, names]) => `${names.join(", ")} (${reason})`).join("; ");
    this.#report.notice(
      "WARN_FLEET_MANAGED_OPTION",
      `REDIS_OPTIONS has options that this library decides itself, so they are not used: ${named}`,
    );
  }

  #honour(name: string, value: unknown, named: string): void {
    const from: Origin = { ...origin, name: named };
    switch (name) {
      case "password":
        return this.#text("backend.password", value, from);
      case "username":
        return this.#text("backend.username", value, from);
      case "name":
        return this.#text("backend.sentinel.name", value, from);
      case "sentinelUsername":
        return this.#text("backend.sentinel.username", value, from);
      case "sentinelPassword":
        return this.#text("backend.sentinel.password", value, from);
      case "connectTimeout":
        return this.#timeout("backend.timeouts.connect", value, from);
      case "commandTimeout":
        return this.#timeout("backend.timeouts.command", value, from);
      case "db": {
        const database = readDatabase(value, named, this.#report);
        if (database !== undefined) this.#settings.claim("backend.database", database, from, this.#report);
        return;
      }
      case "keyPrefix": {
        const text = readText(value, named, this.#report);
        const namespace = text === undefined ? undefined : readKeyPrefix(text, named, this.#report);
        if (namespace !== undefined) this.#settings.claim("namespace", namespace, from, this.#report);
        return;
      }
      case "tls":
        this.#tls = value;
        return readTls(value, from, this.#settings, this.#report);
      case "natMap": {
        const map = readNatMap(value, from, this.#report);
        if (map !== undefined) this.#settings.claim("backend.addressMap", map, from, this.#report);
        return;
      }
      case "sentinelTLS":
        this.#sentinelTls = value;
        return;
      case "sentinels":
        this.sentinels = this.#readSentinels(value, named);
        return;
      case "redisOptions":
        if (isRecord(value)) this.read(value, named);
        else this.#report.problem("ERR_FLEET_CONFIG_TYPE", `${named} must be an object`);
    }
  }

  #text(
    path: "backend.password" | "backend.username" | `backend.sentinel.${"name" | "username" | "password"}`,
    value: unknown,
    from: Origin,
  ): void {
    const text = readText(value, from.name, this.#report);
    if (text !== undefined) this.#settings.claim(path, text, from, this.#report);
  }

  #timeout(path: "backend.timeouts.connect" | "backend.timeouts.command", value: unknown, from: Origin): void {
    const timeout = readTimeout(value, from.name, this.#report);
    if (timeout !== undefined) this.#settings.claim(path, timeout, from, this.#report);
  }

  #readSentinels(value: unknown, named: string): readonly NodeAddress[] {
    if (!Array.isArray(value) || value.length === 0) {
      this.#report.problem(
        "ERR_FLEET_CONFIG_EMPTY_NODES",
        `${named} must be a list of at least one sentinel`,
        '"sentinels":[{"host":"sentinel-1","port":26379}]',
      );
      return [];
    }
    const nodes = value.map((entry: unknown, index) => {
      const where = `${named}, entry ${index + 1}`;
      const place = { origin, where, defaultPort: 26_379 };
      if (typeof entry === "string") return readHostPort(entry, place, this.#report);
      if (isRecord(entry)) {
        refuseUnknown(entry, ["host", "port", "family"], where, this.#report);
        return readNodeObject(entry, place, this.#report);
      }
      this.#report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is neither "host:port" nor an object with a host`);
      return undefined;
    });
    const read = nodes.filter((node) => node !== undefined);
    return read.length < nodes.length ? [] : distinctNodes(read, named, this.#report);
  }

  #refuse(message: string): void {
    this.#report.problem("ERR_FLEET_CONFIG_UNSUPPORTED", message);
  }
}
