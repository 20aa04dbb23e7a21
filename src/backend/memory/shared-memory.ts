import type { Clock } from "../../core/clock.js";
import type { ChannelListener, MemoryBudget } from "../backend.js";

/** The state behind one embedded backend, shared by the fleets that name it. */
export interface SharedMemory {
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly rooms: Map<string, object>;
  /** Who listens to which channel. */
  readonly listeners: Map<string, Set<ChannelListener>>;
  time(): number;
}

interface Holding {
  readonly memory: SharedMemory;
  holders: number;
}

// The ESM and the CommonJS build are two copies of this module in one process, and must still find one another's state.
// The number is the version of what is shared; a copy that shares another shape uses another number.
const registrySymbol = Symbol.for("express-fleet");
const registryVersion = "memory/2";

function registry(): Map<string, Holding> {
  const holder = globalThis as { [registrySymbol]?: Map<string, unknown> };
  const shared = (holder[registrySymbol] ??= new Map<string, unknown>());
  let named = shared.get(registryVersion) as Map<string, Holding> | undefined;
  if (named === undefined) {
    named = new Map<string, Holding>();
    shared.set(registryVersion, named);
  }
  return named;
}

/** Makes a fresh state whose time starts at the wall clock and from then on only follows the monotonic one. */
export function createShared(clock: Clock, limit: number): SharedMemory {
  const wallAtStart = clock.now();
  const monotonicAtStart = clock.monotonic();
  let used = 0;
  return {
    clock,
    rooms: new Map(),
    listeners: new Map(),
    time: () => Math.floor(wallAtStart + clock.monotonic() - monotonicAtStart),
    budget: {
      claim(bytes) {
        if (used + bytes > limit) return false;
        used += bytes;
        return true;
      },
      release(bytes) {
        used = Math.max(0, used - bytes);
      },
    },
  };
}

/** The state of that name, made by the first who asks; every call is matched by one `releaseShared`. */
export function acquireShared(name: string, make: () => SharedMemory): SharedMemory {
  const named = registry();
  let holding = named.get(name);
  if (holding === undefined) {
    holding = { memory: make(), holders: 0 };
    named.set(name, holding);
  }
  holding.holders += 1;
  return holding.memory;
}

/** Lets go of a named state; with its last holder it is gone. */
export function releaseShared(name: string): void {
  const named = registry();
  const holding = named.get(name);
  if (holding === undefined) return;
  holding.holders -= 1;
  if (holding.holders === 0) named.delete(name);
}
