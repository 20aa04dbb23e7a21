import type { AddressMap, NodeAddress, Origin, RoomName, Secret, TlsVersion } from "./backend-config.js";
import type { Report } from "./problems.js";
import { isSame } from "./same.js";

/** Every value that can be given on its own, by the path under which its origin is kept. */
export interface SettingTypes {
  readonly namespace: string;
  readonly instance: string;
  readonly externalUrl: URL;
  readonly "backend.username": string;
  readonly "backend.password": Secret;
  readonly "backend.database": number;
  readonly "backend.sentinel.name": string;
  readonly "backend.sentinel.username": string;
  readonly "backend.sentinel.password": Secret;
  /** Whether TLS is used at all. */
  readonly "backend.tls": boolean;
  readonly "backend.tls.ca": string;
  readonly "backend.tls.caFile": string;
  readonly "backend.tls.cert": string;
  readonly "backend.tls.certFile": string;
  readonly "backend.tls.key": string;
  readonly "backend.tls.keyFile": string;
  readonly "backend.tls.servername": string;
  readonly "backend.tls.rejectUnauthorized": boolean;
  readonly "backend.tls.minVersion": TlsVersion;
  readonly "backend.tls.maxVersion": TlsVersion;
  readonly "backend.addressMap": AddressMap;
  /** Whether unchecked certificates are meant in production too. */
  readonly allowInsecureTls: boolean;
  readonly "backend.timeouts.connect": number;
  readonly "backend.timeouts.command": number;
  readonly "backend.timeouts.start": number;
  readonly "backend.maxPending": number;
}

export type SettingPath = keyof SettingTypes;

/** A value with where it came from. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The values that one source gives. */
export class Settings {
  readonly #values = new Map<SettingPath, Sourced<unknown>>();

  /**
   * Notes a value. A second, different value for the same path is `ERR_FLEET_CONFIG_CONFLICT`, naming both origins and
   * neither value; the first one stays.
   */
  claim<P extends SettingPath>(path: P, value: SettingTypes[P], origin: Origin, report: Report): void {
    const present = this.#values.get(path);
    if (present === undefined) {
      this.#values.set(path, { value, origin });
    } else if (!isSame(present.value, value)) {
      report.problem(
        "ERR_FLEET_CONFIG_CONFLICT",
        `${present.origin.name} and ${origin.name} give different values for ${path}`,
        "keep one of the two",
      );
    }
  }

  get<P extends SettingPath>(path: P): Sourced<SettingTypes[P]> | undefined {
    return this.#values.get(path) as Sourced<SettingTypes[P]> | undefined;
  }

  /** Notes every value of another source, as `claim` does for one. */
  claimAll(other: Settings, report: Report): void {
    for (const [path, { value, origin }] of other.#values) this.claim(path, value as never, origin, report);
  }

  /** The same values, each with another origin. */
  renamed(rename: (origin: Origin) => Origin): Settings {
    const renamed = new Settings();
    for (const [path, { value, origin }] of this.#values) renamed.#values.set(path, { value, origin: rename(origin) });
    return renamed;
  }

  /** The values that pass. */
  filtered(passes: (path: SettingPath, origin: Origin) => boolean): Settings {
    const filtered = new Settings();
    for (const [path, sourced] of this.#values) if (passes(path, sourced.origin)) filtered.#values.set(path, sourced);
    return filtered;
  }

  entries(): readonly (readonly [SettingPath, Origin])[] {
    return [...this.#values].map(([path, sourced]) => [path, sourced.origin] as const);
  }
}

/** What a source says the backend is, without what can be given on its own. */
export type TargetBackend =
  | { readonly kind: "memory"; readonly name?: string }
  | { readonly kind: "single" | "sentinel" | "cluster"; readonly nodes: readonly NodeAddress[] };

/** A backend that a source names. */
export interface Target {
  readonly backend: TargetBackend;
  readonly origin: Origin;
  /** What the address itself carried, such as a URL's password: it belongs to that address and to no other. */
  readonly carried: Settings;
}

/** One source: code, the native variables, or a dialect's. */
export interface Layer {
  readonly settings: Settings;
  readonly target?: Target;
  /** A backend was named, rightly or wrongly: a mistake there is told once and never replaced by a default. */
  readonly namesBackend: boolean;
  /** What it says of the backends of single rooms, each with settings of its own. */
  readonly rooms?: ReadonlyMap<RoomName, Layer>;
}
