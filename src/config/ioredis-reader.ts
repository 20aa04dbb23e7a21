import { suggestion } from "../core/nearest-name.js";
import { readNatMap } from "./address-map.js";
import type { NodeAddress, Origin } from "./backend-config.js";
import { ioredisOptions, isDefault, type Treatment } from "./ioredis-options.js";
import { fromNodeTls } from "./ioredis-tls.js";
import {
  distinctNodes,
  isRecord,
  printableSetting,
  readHostPort,
  readNodeObject,
  readText,
  refuseUnknown,
} from "./node-entry.js";
import type { Report } from "./problems.js";
import { readDatabase, readKeyPrefix, readTimeout } from "./scalars.js";
import type { Settings } from "./settings.js";
import { readTls, tlsText } from "./tls.js";

/** Where the options of ioredis come from, and where what they say goes. */
export interface IoredisSource {
  /** A client has every option, most of them as ioredis gave them, and may have some of a newer release. */
  readonly from: "variable" | "client";
  readonly settings: Settings;
  readonly origin: Origin;
  readonly report: Report;
}

/** Reads options of ioredis by the table of what becomes of each. */
export class IoredisReader {
  readonly #source: IoredisSource;
  readonly #managed = new Map<string, Set<string>>();
  readonly #unknown: string[] = [];
  sentinels: readonly NodeAddress[] | undefined;
  #tls: unknown;
  #sentinelTls: unknown;

  constructor(source: IoredisSource) {
    this.#source = source;
  }

  read(options: Readonly<Record<string, unknown>>, where: string = this.#source.origin.name): void {
    for (const [name, value] of Object.entries(options)) {
      const treatment = Object.hasOwn(ioredisOptions, name) ? ioredisOptions[name] : undefined;
      if (treatment !== undefined) this.#treat(treatment, name, value, `${where}.${name}`);
      else if (this.#source.from === "variable")
        this.#refuse(`${where} has ${printableSetting(name)}, which is no option of ioredis${near(name)}`);
      else if (value !== undefined) this.#unknown.push(printableSetting(name));
    }
  }

  /** Notes an option that is not used. */
  manage(name: string, reason: string): void {
    this.#managed.set(reason, (this.#managed.get(reason) ?? new Set()).add(name));
  }

  /** Reads what depends on several options at once, and says what was not used. */
  finish(): void {
    const { from, origin, report } = this.#source;
    if (this.#sentinelTls !== undefined) {
      if (tlsText(this.#tls ?? false) !== tlsText(this.#sentinelTls)) {
        report.problem(
          "ERR_FLEET_CONFIG_TLS_MIXED",
          `${origin.name} differs between tls and sentinelTLS: sentinels and data nodes use the same TLS`,
          "give tls alone",
        );
      }
    }
    if (this.#unknown.length > 0) {
      const said = this.#unknown.join(", ");
      report.notice("WARN_FLEET_UNKNOWN_OPTION", `${origin.name} has what is not known here, so not used: ${said}`);
    }
    if (this.#managed.size === 0) return;
    const named = [...this.#managed].map(([reason, names]) => `${[...names].join(", ")} (${reason})`).join("; ");
    const what = from === "client" ? `${origin.name} (those of your client)` : origin.name;
    report.notice(
      "WARN_FLEET_MANAGED_OPTION",
      `${what} has options that this library decides itself, so they are not used: ${named}`,
    );
  }

  #treat(treatment: Treatment, name: string, value: unknown, named: string): void {
    if (treatment.how === "managed") {
      if (!isDefault(treatment.defaults, value)) this.manage(name, treatment.reason);
    } else if (value === null || value === undefined) {
      // ioredis' own defaults are null: nothing was asked for.
    } else if (treatment.how === "refused") this.#refuse(`${named} cannot be used: ${treatment.reason}`);
    else if (treatment.how === "address") this.#refuse(`${named} cannot be used: ${this.#addressPlace()}`);
    else if (treatment.how === "fixed") {
      if (value !== treatment.value)
        this.#refuse(`${named} cannot be used but with ${JSON.stringify(treatment.value)}: ${treatment.reason}`);
    } else if (this.#source.from === "variable" || value !== treatment.standard) this.#honour(name, value, named);
  }

  #addressPlace(): string {
    return this.#source.from === "variable"
      ? "the address belongs in REDIS_URL"
      : "the servers of a cluster are the nodes that it is started with";
  }

  #honour(name: string, value: unknown, named: string): void {
    const { settings, report } = this.#source;
    const from: Origin = { ...this.#source.origin, name: named };
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
        const database = readDatabase(value, named, report);
        if (database !== undefined) settings.claim("backend.database", database, from, report);
        return;
      }
      case "keyPrefix": {
        const text = readText(value, named, report);
        const namespace = text === undefined ? undefined : readKeyPrefix(text, named, report);
        if (namespace !== undefined) settings.claim("namespace", namespace, from, report);
        return;
      }
      case "natMap": {
        const map = readNatMap(value, from, report);
        if (map !== undefined) settings.claim("backend.addressMap", map, from, report);
        return;
      }
      case "tls":
        this.#tls = this.#source.from === "client" ? fromNodeTls(value, from, report) : value;
        if (this.#tls !== undefined) readTls(this.#tls, from, settings, report);
        return;
      case "sentinelTLS":
        this.#sentinelTls = this.#source.from === "client" ? fromNodeTls(value, from, report) : value;
        return;
      case "sentinels":
        this.sentinels = this.#readSentinels(value, named);
        return;
      case "redisOptions":
        if (named !== `${this.#source.origin.name}.redisOptions`)
          this.#refuse(`${named} cannot be used: it belongs to the options of a cluster`);
        else if (isRecord(value)) this.read(value, named);
        else report.problem("ERR_FLEET_CONFIG_TYPE", `${named} must be an object`);
    }
  }

  #text(
    path: "backend.password" | "backend.username" | `backend.sentinel.${"name" | "username" | "password"}`,
    value: unknown,
    from: Origin,
  ): void {
    const { settings, report } = this.#source;
    const text = readText(value, from.name, report);
    if (text !== undefined) settings.claim(path, text, from, report);
  }

  #timeout(path: "backend.timeouts.connect" | "backend.timeouts.command", value: unknown, from: Origin): void {
    const { settings, report } = this.#source;
    const timeout = readTimeout(value, from.name, report);
    if (timeout !== undefined) settings.claim(path, timeout, from, report);
  }

  #readSentinels(value: unknown, named: string): readonly NodeAddress[] {
    const { origin, report } = this.#source;
    if (!Array.isArray(value) || value.length === 0) {
      report.problem(
        "ERR_FLEET_CONFIG_EMPTY_NODES",
        `${named} must be a list of at least one sentinel`,
        '"sentinels":[{"host":"sentinel-1","port":26379}]',
      );
      return [];
    }
    const nodes = value.map((entry: unknown, index) => {
      const where = `${named}, entry ${index + 1}`;
      const place = { origin, where, defaultPort: 26_379 };
      if (typeof entry === "string") return readHostPort(entry, place, report);
      if (isRecord(entry)) {
        refuseUnknown(entry, ["host", "port", "family"], where, report);
        return readNodeObject(entry, place, report);
      }
      report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is neither "host:port" nor an object with a host`);
      return undefined;
    });
    const read = nodes.filter((node) => node !== undefined);
    return read.length < nodes.length ? [] : distinctNodes(read, named, report);
  }

  #refuse(message: string): void {
    this.#source.report.problem("ERR_FLEET_CONFIG_UNSUPPORTED", message);
  }
}

function near(name: string): string {
  return suggestion(name, Object.keys(ioredisOptions));
}
