import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import express4 from "express4";
import expressSession from "express-session";
import { vi } from "vitest";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { systemClock } from "../../src/core/clock.js";
import type { Logger } from "../../src/core/logger.js";
import type { Sessions, SessionsOptions } from "../../src/sessions/index.js";
import { createSessions, type CreateSessionsOptions } from "../../src/sessions/sessions.js";
import { MemorySessionStore } from "../../src/sessions/memory-session-store.js";

export const secret = "a secret of more than thirty-two bytes";

/** The Express versions that every behaviour is tried on. */
export const versions = [
  { version: "express 5", make: express },
  { version: "express 4", make: express4 as unknown as typeof express },
] as const;

/** A line that was logged. */
export interface Logged {
  readonly level: string;
  readonly code: unknown;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly lines: Logged[] } {
  const lines: Logged[] = [];
  const keep = (level: string) => (fields: object) =>
    void lines.push({ level, code: (fields as { code?: unknown }).code });
  return { lines, debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}

/** One instance of a fleet on the embedded backend of that name. */
export function instanceOn(
  name: string,
  options: SessionsOptions = {},
  more: Partial<CreateSessionsOptions> = {},
): Sessions {
  return createSessions({
    backend: createMemoryBackend({ namespace: "test", instanceId: "one", clock: systemClock, name }),
    options,
    logger: recordingLogger(),
    clock: systemClock,
    processId: crypto.randomUUID(),
    ...more,
  });
}

/** express-session over a store, as a user writes it. */
export function sessionOver(store: unknown, more: object = {}): express.RequestHandler {
  return expressSession({
    secret,
    resave: false,
    saveUninitialized: false,
    store: store as expressSession.Store,
    ...more,
  });
}

/** Serves on a free port, for as long as the test runs. */
export async function serve(
  listener: RequestListener,
): Promise<{ readonly origin: string; readonly server: Server; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin, server, close };
}

/** A request's session with the fields that the tests write. */
export type TestSession = expressSession.Session & Record<string, any>;

/** The session of a request, typed for tests. */
export function sessionOf(request: express.Request): TestSession {
  return request.session as TestSession;
}

/** A promise that a test settles. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export type PortMethod = "load" | "put" | "update" | "touch" | "destroy";

/** Lets a step come before every call of a method of the embedded store, until `vi.restoreAllMocks`. */
export function beforeEachCall(method: PortMethod, step: () => unknown): void {
  const original = MemorySessionStore.prototype[method] as (params: unknown) => Promise<unknown>;
  const stepped = async function (this: MemorySessionStore, params: unknown): Promise<unknown> {
    await step();
    return original.call(this, params);
  };
  vi.spyOn(MemorySessionStore.prototype, method).mockImplementation(stepped as never);
}
