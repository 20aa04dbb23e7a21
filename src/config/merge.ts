import type { Origin } from "./backend-config.js";
import type { Layer, SettingPath, Settings, SettingTypes, Sourced, Target } from "./settings.js";

/** A merged value; `rank` is smaller the more its source counts. */
export interface Ranked<T> extends Sourced<T> {
  readonly rank: number;
}

/**
 * Looks values up over all sources, the strongest first: code, native variables, dialect.
 *
 * What an address carries counts just below the other values of its own source, and only when that address is the one
 * that is used: the password in an unused URL is never sent to another server.
 */
export class Merge {
  readonly #ranked: readonly Settings[];
  readonly provenance: Record<string, Origin> = {};

  constructor(layers: readonly Layer[], target: Target | undefined) {
    this.#ranked = layers.flatMap((layer) =>
      layer.target !== undefined && layer.target === target ? [layer.settings, layer.target.carried] : [layer.settings],
    );
  }

  /** The strongest value of a path, noting its origin; `undefined` when no source gives one. */
  take<P extends SettingPath>(path: P): Ranked<SettingTypes[P]> | undefined {
    const found = this.peek(path);
    if (found !== undefined) this.provenance[path] = found.origin;
    return found;
  }

  /** Like `take`, with a default whose origin is noted as such. */
  takeOr<P extends SettingPath>(path: P, fallback: SettingTypes[P], why = "default"): SettingTypes[P] {
    const found = this.take(path);
    if (found !== undefined) return found.value;
    this.provenance[path] = { origin: "default", name: why };
    return fallback;
  }

  /** The strongest value of a path, without noting that it is used. */
  peek<P extends SettingPath>(path: P): Ranked<SettingTypes[P]> | undefined {
    for (const [rank, settings] of this.#ranked.entries()) {
      const sourced = settings.get(path);
      if (sourced !== undefined) return { ...sourced, rank };
    }
    return undefined;
  }

  /** The rank of what an address carries; values with a higher one come from weaker sources than the address. */
  rankOf(target: Target): number {
    return this.#ranked.indexOf(target.carried);
  }

  /** The names of all variables and options that give one of the paths, used or not. */
  names(matches: (path: SettingPath) => boolean): string[] {
    const names = this.#ranked.flatMap((settings) => settings.entries()).filter(([path]) => matches(path));
    return [...new Set(names.map(([, origin]) => origin.name))];
  }
}
