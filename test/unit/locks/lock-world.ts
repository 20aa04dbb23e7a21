import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { counters } from "../../../src/core/diagnostics.js";
import { TimeoutError, UnavailableError } from "../../../src/core/errors.js";
import { Mailbox } from "../../../src/feed/mailbox.js";
import { resolveLockSettings, type LocksOptions } from "../../../src/locks/lock-options.js";
import { LockRoom, lockCounters } from "../../../src/locks/lock-room.js";
import { LockManager } from "../../../src/locks/locks.js";
import { MemoryLockStore } from "../../../src/locks/memory-lock-store.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";
import { ScriptedLockStore } from "./scripted-lock-store.js";

/** The backend did not answer in time. */
export function lostAnswer(): TimeoutError {
  return new TimeoutError("no answer came", { executed: "maybe" });
}

/** The backend is not there. */
export function unreachable(): UnavailableError {
  return new UnavailableError("nobody is there", { executed: "no" });
}

/** One process with its share of the locks. */
export interface ProcessForTest {
  readonly id: string;
  readonly locks: LockManager;
  readonly store: ScriptedLockStore;
  readonly clock: FakeClock;
  /** What was logged, as codes. */
  readonly logged: string[];
  /** Letters are lost while it is set. */
  isDeaf: boolean;
  /** A letter arrives. */
  tell(kind: "granted" | "lost", payload: string): void;
  /** Letters may have been missed. */
  gap(): void;
}

/** Some processes over one embedded backend, and the clock that all of them share unless one gets its own. */
export class LockWorld {
  readonly clock = new FakeClock();
  readonly #name = randomUUID();

  process(id: string, options: LocksOptions & { readonly clock?: FakeClock } = {}): ProcessForTest {
    const { clock = this.clock, ...settings } = options;
    const backend = createMemoryBackend({ namespace: "test", instanceId: id, clock: this.clock, name: this.#name });
    const store = new ScriptedLockStore(new MemoryLockStore(backend));
    const mailbox = new Mailbox({ backend, clock, onError: fail });
    const handlers = new Map<string, (letter: { from: string; payload: string }) => undefined>();
    const gaps: (() => void)[] = [];
    const logged: string[] = [];
    const log = (fields: object): void => void logged.push(String((fields as { code?: unknown }).code));
    const made: ProcessForTest = {
      id,
      store,
      clock,
      logged,
      isDeaf: false,
      tell: (kind, payload) => handlers.get(kind)?.({ from: "", payload }),
      gap: () => gaps.forEach((listener) => listener()),
      locks: new LockManager({
        instance: id,
        settings: resolveLockSettings(settings),
        level: () => "memory",
        everywhere: async () => [made.locks.here()],
        room: new LockRoom({
          store,
          clock,
          process: id,
          keyOf: (name) => backend.keys.key("locks", name, "lock"),
          counters: counters(lockCounters),
          logger: { debug: log, info: log, warn: log, error: log },
          letters: () => ({
            on(room, kind, handler) {
              handlers.set(kind, handler);
              return mailbox.on(room, kind, (letter) => (made.isDeaf ? undefined : handler(letter)));
            },
            onGap(listener) {
              gaps.push(listener);
              return () => void gaps.splice(gaps.indexOf(listener), 1);
            },
          }),
        }),
      }),
    };
    onTestFinished(async () => {
      // Not awaited: a test that fails may leave calls that are never answered.
      void made.locks.close();
      mailbox.close();
      await backend.close();
    });
    return made;
  }

  /** The key under which the locks of all processes are stored. */
  keyOf(name: string): string {
    return `test:locks:{${name}}:lock`;
  }

  /** Lets time pass, and what it brings about happen. */
  async pass(milliseconds: number, step = 250): Promise<void> {
    await settle();
    for (let passed = 0; passed < milliseconds; passed += step) {
      await this.clock.advanceAsync(Math.min(step, milliseconds - passed));
      await settle();
    }
  }
}

function fail(error: unknown): never {
  throw error;
}

/** How a promise stands, without waiting for it. */
export function watch<T>(promise: Promise<T>): { value: T | undefined; error: unknown; isSettled: boolean } {
  const seen: { value: T | undefined; error: unknown; isSettled: boolean } = {
    value: undefined,
    error: undefined,
    isSettled: false,
  };
  promise.then(
    (value) => Object.assign(seen, { value, isSettled: true }),
    (error: unknown) => Object.assign(seen, { error, isSettled: true }),
  );
  return seen;
}

/** A promise that a test settles. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
