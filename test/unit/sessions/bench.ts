import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { addressOf, generateId, sessionKey } from "../../../src/sessions/identifier.js";
import type { ExpressStore, Sessions, SessionsOptions, StoreOptions } from "../../../src/sessions/index.js";
import { createSessions } from "../../../src/sessions/sessions.js";
import { TextTable } from "../../../src/backend/text-table.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

export const minute = 60_000;
export const hour: number = 60 * minute;
export const day: number = 24 * hour;

export type Session = Record<string, any>;

/** A session as somebody makes it by hand. */
export const fresh = (fields: object = { a: 1 }, cookie: object = { originalMaxAge: null }): Session => ({
  cookie,
  ...fields,
});

/** An embedded backend with a clock that the test moves, and one session id. */
export class Bench {
  readonly clock: FakeClock = new FakeClock();
  readonly backend: MemoryBackend = createMemoryBackend({ namespace: "test", instanceId: "one", clock: this.clock });
  readonly logged: { level: string; fields: { code?: string }; message: string }[] = [];
  readonly id: string = generateId();

  /** One more instance of the fleet. */
  instance(options: SessionsOptions = {}): Sessions {
    const log = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, fields, message });
    const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
    return createSessions({
      backend: this.backend,
      options,
      logger,
      clock: this.clock,
      processId: crypto.randomUUID(),
    });
  }

  /** The store's methods as promises, and how a session object is made of what it loads. */
  facade(sessions: Sessions, options: StoreOptions = {}) {
    const store: ExpressStore = sessions.store(options);
    const call = <T>(run: (callback: (error?: unknown, value?: T) => void) => void): Promise<T> =>
      new Promise((resolve, reject) => {
        run((error, value) => (error === undefined || error === null ? resolve(value as T) : reject(error as Error)));
      });
    return {
      store,
      load: async (from = this.id): Promise<Session | undefined> => {
        const data = await call<object | null>((done) => store.get(from, done));
        if (data === null || data === undefined) return undefined;
        return store.createSession({ sessionID: from, sessionStore: store }, data);
      },
      set: (session: Session, at = this.id) => call<void>((done) => store.set(at, session, done)),
      touch: (session: Session, at = this.id) => call<void>((done) => store.touch(at, session, done as () => void)),
      destroy: (at = this.id) => call<void>((done) => store.destroy(at, done)),
    };
  }

  /** Milliseconds that the session under the id has left. */
  remaining(id: string = this.id): number | undefined {
    const entry = this.#table.get(this.#key(id));
    return entry === undefined ? undefined : entry.expiresAt - this.backend.time();
  }

  /** What is stored under the id. */
  text(): string | undefined {
    return this.#table.get(this.#key(this.id))?.text;
  }

  /** Stores a foreign text under the id. */
  plant(text: string): void {
    this.#table.set(this.#key(this.id), text, this.backend.time() + hour);
  }

  #key(id: string): string {
    return sessionKey(this.backend.keys, addressOf(id).selector);
  }

  get #table(): TextTable {
    return this.backend.room("sessions", () => new TextTable(this.backend));
  }
}
