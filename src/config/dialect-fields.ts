import type { NodeAddress, Origin } from "./backend-config.js";
import { distinctNodes, readHostPort, readText } from "./node-entry.js";
import type { Report } from "./problems.js";
import { isSame } from "./same.js";
import { readBoolean } from "./scalars.js";
import type { Settings, Sourced, Target } from "./settings.js";

/** What was given under the names of a dialect, unread, by the dialect's own short names. */
export type Entries = ReadonlyMap<string, Sourced<unknown>>;

/** What stronger sources already decided, and what surrounds the process. */
export interface DialectContext {
  /** The backend that a stronger source names, when it could be read. */
  readonly target: Target | undefined;
  readonly namesBackend: boolean;
  /** One of the dialects says where Redis is. */
  readonly namesServer: boolean;
  /** A stronger source gives the password. */
  readonly hasPassword: boolean;
  readonly production: boolean;
}

/** A name as it is compared: dialects and their variables differ in case and separators. */
export function normalizeName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** Collects entries of one source; two different values for one name are `ERR_FLEET_CONFIG_CONFLICT`. */
export class EntryCollector {
  readonly entries: Map<string, Sourced<unknown>> = new Map<string, Sourced<unknown>>();

  add(name: string, value: unknown, origin: Origin, report: Report): void {
    // Templates leave settings empty; that asks for nothing.
    if (value === undefined || value === null || value === "") return;
    const present = this.entries.get(name);
    if (present === undefined) this.entries.set(name, { value, origin });
    else if (!isSame(present.value, value)) {
      report.problem(
        "ERR_FLEET_CONFIG_CONFLICT",
        `${present.origin.name} and ${origin.name} give different values for one thing`,
        "keep one of the two",
      );
    }
  }
}

/** Reads entries as what they should be; whatever does not fit is reported by its origin, and its value never repeated. */
export class DialectFields {
  readonly #entries: Entries;
  readonly #report: Report;

  constructor(entries: Entries, report: Report) {
    this.#entries = entries;
    this.#report = report;
  }

  get(name: string): Sourced<unknown> | undefined {
    return this.#entries.get(name);
  }

  /** The origins of those names that are given. */
  origins(names: readonly string[]): string[] {
    return names.flatMap((name) => this.get(name)?.origin.name ?? []);
  }

  text(name: string): Sourced<string> | undefined {
    const entry = this.get(name);
    if (entry === undefined) return undefined;
    const value = readText(entry.value, entry.origin.name, this.#report);
    return value === undefined ? undefined : { value, origin: entry.origin };
  }

  flag(name: string): Sourced<boolean> | undefined {
    const entry = this.get(name);
    if (entry === undefined) return undefined;
    const { value, origin } = entry;
    if (typeof value === "boolean") return { value, origin };
    if (typeof value === "string") {
      const read = readBoolean(value.trim(), origin.name, this.#report);
      return read === undefined ? undefined : { value: read, origin };
    }
    this.#report.problem("ERR_FLEET_CONFIG_TYPE", `${origin.name} must be true or false`);
    return undefined;
  }

  whole(name: string): Sourced<number> | undefined {
    const entry = this.get(name);
    if (entry === undefined) return undefined;
    const { value, origin } = entry;
    const number = typeof value === "string" && /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return { value: number, origin };
    this.#report.problem("ERR_FLEET_CONFIG_NUMBER", `${origin.name} must be a whole number of 0 or more`);
    return undefined;
  }

  /** A list of nodes, also as one text with commas; `undefined` when one of them cannot be read. */
  nodes(name: string, defaultPort: number): Sourced<readonly NodeAddress[]> | undefined {
    const entry = this.get(name);
    if (entry === undefined) return undefined;
    const { value, origin } = entry;
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    const texts = given.flatMap((item) => (typeof item === "string" ? item.split(",") : [item]));
    const named = texts.filter((text) => typeof text !== "string" || text.trim() !== "");
    if (named.length === 0)
      this.#report.problem("ERR_FLEET_CONFIG_EMPTY_NODES", `${origin.name} is empty: name at least one node`);
    const read = named.map((text, index) => {
      const where = named.length > 1 ? `${origin.name}, entry ${index + 1}` : origin.name;
      if (typeof text === "string") return readHostPort(text.trim(), { origin, where, defaultPort }, this.#report);
      this.#report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is not a text "host:port"`);
      return undefined;
    });
    const nodes = read.filter((node) => node !== undefined);
    if (nodes.length < named.length || nodes.length === 0) return undefined;
    return { value: distinctNodes(nodes, origin.name, this.#report), origin };
  }
}

/** Claims a value for a path when there is one. */
export function claimGiven<P extends Parameters<Settings["claim"]>[0]>(
  settings: Settings,
  path: P,
  given: Sourced<Parameters<typeof settings.claim<P>>[1]> | undefined,
  report: Report,
): void {
  if (given !== undefined) settings.claim(path, given.value, given.origin, report);
}

const defaultMaxPending = 10_000;

/** Reads the size of a pool: it may raise `maxPending`, and never lowers it, since there is no pool to be small. */
export function claimPoolSize(size: Sourced<number> | undefined, settings: Settings, report: Report): void {
  if (size === undefined || size.value === 0) return;
  if (size.value > defaultMaxPending) settings.claim("backend.maxPending", size.value, size.origin, report);
  else
    report.notice(
      "INFO_FLEET_IGNORED",
      `${size.origin.name} means nothing here: one connection carries all calls, of which ${defaultMaxPending} may be pending`,
    );
}
