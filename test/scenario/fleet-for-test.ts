import { randomBytes } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { serverSpeaksTls } from "../support/servers/find-server.js";
import { pause } from "../support/until.js";
import { createFleet, type Fleet, type FleetOptions } from "../../src/index.js";

const speaksTls = await serverSpeaksTls();

/** Tests that need servers with TLS; on others one test says that there are none. */
export function describeOverTls(name: string, body: () => void): void {
  if (speaksTls) describe(name, body);
  else test(`${name}: not tried, this server was built without TLS`, () => expect(speaksTls).toBe(false));
}

/** What a fleet is made with, beside its options. */
export interface Surroundings {
  /** Variables that are set while the fleet is created, which is when they are read. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Creates a fleet as an app would, with variables of its own. Whoever creates it closes it. */
export function createFleetWith(options: FleetOptions, { environment = {} }: Surroundings = {}): Fleet {
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    return createFleet(options);
  } finally {
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

/** A fleet that answers; it is closed when the test ends. */
export async function readyFleet(options: FleetOptions, surroundings: Surroundings = {}): Promise<Fleet> {
  const fleet = createFleetWith({ logger: false, ...options }, surroundings);
  onTestFinished(() => fleet.close());
  await fleet.ready();
  return fleet;
}

/** Lets so many sessions live and end: each is created, read, changed, extended and destroyed. Rejects with the first error. */
export async function useSessions(fleet: Fleet, count = 20): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => useSession(fleet)));
}

/** Creates a session that stays, and gives its id. */
export async function createSession(fleet: Fleet): Promise<string> {
  const id = randomBytes(24).toString("base64url");
  const store = fleet.sessions.store();
  await answer((callback) => store.set(id, { cookie: { originalMaxAge: 60_000 }, visits: 0 }, callback));
  return id;
}

/** Counts one more visit in a session, and gives the count. Rejects when there is no such session. */
export async function visit(fleet: Fleet, id: string): Promise<number> {
  const store = fleet.sessions.store();
  const session = await answer<{ visits: number } | undefined>((callback) =>
    store.load(id, (error, loaded) => callback(error, loaded)),
  );
  if (session === undefined) throw new Error("a session is gone that was created before");
  session.visits += 1;
  await answer((callback) => store.set(id, session, callback));
  return session.visits;
}

async function useSession(fleet: Fleet): Promise<void> {
  const id = await createSession(fleet);
  const store = fleet.sessions.store();
  await visit(fleet, id);
  if ((await visit(fleet, id)) !== 2) throw new Error("a change of a session is gone that was just made");
  // Not of a session that was loaded, which is not due yet: by its id it is sent.
  await answer((callback) => store.touch(id, { cookie: {} }, () => callback(undefined)));
  await answer((callback) => store.destroy(id, callback));
}

function answer<T>(begin: (callback: (error?: unknown, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((error, value) => {
      if (error === undefined || error === null) resolve(value as T);
      else reject(error as Error);
    });
  });
}

/** Lets sessions live and end without pause until `stop`, which gives the errors and the longest that one took, in milliseconds. */
export function keepUsingSessions(fleet: Fleet): {
  readonly done: () => number;
  readonly stop: () => Promise<{ readonly errors: readonly unknown[]; readonly longest: number }>;
} {
  const errors: unknown[] = [];
  let done = 0;
  let longest = 0;
  let working = true;
  const work = async (): Promise<void> => {
    while (working) {
      const began = performance.now();
      // A rest, since calls that are refused at once would leave no turn for anything else.
      await useSession(fleet).catch((error: unknown) => pause(errors.push(error) && 50));
      longest = Math.max(longest, performance.now() - began);
      done += 1;
    }
  };
  const callers = Array.from({ length: 4 }, work);
  return {
    done: () => done,
    async stop() {
      working = false;
      await Promise.all(callers);
      return { errors, longest };
    },
  };
}
