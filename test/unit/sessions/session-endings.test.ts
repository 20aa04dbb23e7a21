import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import type { Logger } from "../../../src/core/logger.js";
import { generateId } from "../../../src/sessions/identifier.js";
import { SessionEndings } from "../../../src/sessions/session-endings.js";

function setUp(): { readonly endings: SessionEndings; readonly logged: unknown[] } {
  const logged: unknown[] = [];
  const log = (fields: object): void => void logged.push((fields as { code?: unknown }).code);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  return { endings: new SessionEndings(logger), logged };
}

function requestWith(sessionID: unknown, session: unknown = {}): IncomingMessage {
  return { session, sessionID } as unknown as IncomingMessage;
}

test("a session has one name on every instance, of which no part is in its identifier", () => {
  const id = generateId();
  const name = setUp().endings.of(requestWith(id)) as string;
  expect(name).toMatch(/^[\w-]{22}$/);
  expect(setUp().endings.of(requestWith(id))).toBe(name);
  expect(id).not.toContain(name.slice(0, 8));
  // Whoever knows only the part that names the session in keys names another one.
  expect(setUp().endings.of(requestWith(id.slice(0, 22) + generateId().slice(22)))).not.toBe(name);
});

test.each<[what: string, request: IncomingMessage]>([
  ["no session", requestWith(generateId(), null)],
  ["no identifier", requestWith(undefined)],
  ["an empty identifier", requestWith("")],
])("a request with %s has no name", (_what, request) => {
  expect(setUp().endings.of(request)).toBeUndefined();
});

test("listeners are waited for, and one that fails is logged and stops nobody", async () => {
  const { endings, logged } = setUp();
  const id = generateId();
  const next = generateId();
  const heard: unknown[] = [];
  expect(endings.heard).toBe(false);
  endings.onEnded(() => Promise.reject(new Error("no")));
  endings.onEnded(() => {
    throw new Error("no");
  });
  const end = endings.onEnded(async (name) => {
    await Promise.resolve();
    heard.push(name);
  });
  endings.onRotated((from, to) => void heard.push([from, to]));
  expect(endings.heard).toBe(true);
  const [name, following] = [endings.of(requestWith(id)), endings.of(requestWith(next))];
  await endings.ended(id);
  await endings.rotated(id, next);
  expect(heard).toEqual([name, [name, following]]);
  expect(logged).toEqual(["WARN_FLEET_LISTENER", "WARN_FLEET_LISTENER"]);
  end();
  await endings.ended(id);
  expect(heard).toHaveLength(2);
});
