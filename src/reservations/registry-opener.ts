import type { RedisBackend } from "../backend/backend.js";
import { createRedisLogStore } from "../feed/redis-log-store.js";
import { openRecords, openSet } from "./lua/scripts.generated.js";
import { registryLog } from "./registry-names.js";

/**
 * Makes the keys of a registry on a cluster before the first call that names several of them, each by a call of its own:
 * while a slot moves, a script of several keys is refused where one of them is missing, but a script of one key never.
 */
export class RegistryOpener {
  readonly #backend: RedisBackend;
  readonly #opened = new Map<string, Promise<void>>();

  constructor(backend: RedisBackend) {
    this.#backend = backend;
  }

  /** Resolves when all keys of the registry are there; a failure is that of the call, and the next one tries again. */
  open(
    registry: string,
    keys: { readonly records: string; readonly due: string; readonly index: string },
  ): Promise<void> {
    if (this.#backend.kind !== "cluster") return Promise.resolve();
    const known = this.#opened.get(registry);
    if (known !== undefined) return known;
    const opening = this.#make(registry, keys);
    this.#opened.set(registry, opening);
    opening.catch(() => this.#opened.delete(registry));
    return opening;
  }

  async #make(
    registry: string,
    { records, due, index }: { readonly records: string; readonly due: string; readonly index: string },
  ): Promise<void> {
    const log = registryLog(this.#backend.keys, registry);
    await Promise.all([
      this.#backend.run(openRecords, { keys: { records }, args: {} }),
      this.#backend.run(openSet, { keys: { set: due }, args: { score: "+inf" } }),
      this.#backend.run(openSet, { keys: { set: index }, args: { score: 0 } }),
      createRedisLogStore(this.#backend).sync({ log, last: undefined, count: 1 }),
    ]);
  }
}
