import { EventEmitter } from "node:events";
import expressSession from "express-session";
import { describe, expect, test, vi } from "vitest";
import { Cookie, Session } from "../../../src/sessions/express-session-classes.js";
import type { SessionRequest } from "../../../src/sessions/session-request.js";

// What the middleware relies on of express-session's classes. A release that changes one of these needs a look at
// docs/adr/0004-own-request-handling.md.

const attributes = { path: "/", httpOnly: true };

function requestWith(sessionStore: object): SessionRequest {
  const request = { sessionID: "id", sessionStore } as unknown as SessionRequest;
  request.session = Object.assign(new Session(request), { cookie: new Cookie(attributes) });
  return request;
}

describe("Session", () => {
  test("takes its id from the request, and shows only cookie and fields", () => {
    const { session } = requestWith({});
    expect(session).toMatchObject({ id: "id" });
    expect(Object.keys(session as object)).toEqual(["cookie"]);
  });

  test("saves, destroys and regenerates through the request's store", () => {
    const store = { set: vi.fn(), destroy: vi.fn(), regenerate: vi.fn() };
    const request = requestWith(store);
    const session = request.session as unknown as Record<"save" | "destroy" | "regenerate", (done: object) => void>;
    const done = (): void => undefined;
    session.save(done);
    session.regenerate(done);
    session.destroy(done);
    expect(store.set).toHaveBeenCalledWith("id", session, done);
    expect(store.regenerate).toHaveBeenCalledWith(request, done);
    expect(store.destroy).toHaveBeenCalledWith("id", done);
    expect(request).not.toHaveProperty("session");
  });

  test("touch lets the cookie's time begin anew", () => {
    const { session } = requestWith({});
    (session as { cookie: object }).cookie = new Cookie({ ...attributes, maxAge: 60_000, expires: new Date(0) });
    Object.assign(session?.cookie as object, { originalMaxAge: 60_000 });
    session?.touch();
    expect(session?.cookie.maxAge).toBeGreaterThan(50_000);
  });

  test("makes its methods known by the prototype, so that they are no fields", () => {
    for (const method of ["save", "reload", "destroy", "regenerate", "touch", "resetMaxAge"]) {
      expect(Object.getOwnPropertyDescriptor(Session.prototype, method)).toMatchObject({ enumerable: false });
    }
  });
});

describe("Cookie", () => {
  test("keeps maxAge, expires and originalMaxAge in step", () => {
    const cookie = new Cookie({ maxAge: 60_000 });
    expect(cookie).toMatchObject({ path: "/", httpOnly: true });
    // It reads its own clock twice, between which a millisecond may pass.
    expect(cookie.originalMaxAge).toBeGreaterThan(59_000);
    expect(cookie.originalMaxAge).toBeLessThanOrEqual(60_000);
    expect(cookie.expires).toBeInstanceOf(Date);
    expect(new Cookie({})).toMatchObject({ originalMaxAge: null, maxAge: null });
  });

  test("writes its attributes, without Max-Age", () => {
    const cookie = new Cookie({ maxAge: 60_000, secure: true, sameSite: "lax", domain: "example.org" });
    expect(cookie.serialize("sid", "s:id.mac")).toMatch(
      /^sid=s%3Aid\.mac; Domain=example\.org; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    );
  });
});

describe("Store", () => {
  test("makes the session of what was loaded, with a Cookie, on the request", () => {
    const store = new (expressSession.Store as unknown as new () => EventEmitter & {
      createSession(request: object, data: object): unknown;
    })();
    const request = { sessionID: "id" } as SessionRequest;
    const session = store.createSession(request, { cookie: { originalMaxAge: null }, a: 1 });
    expect(session).toBeInstanceOf(Session);
    expect(session).toMatchObject({ id: "id", a: 1, cookie: expect.any(Cookie) });
    expect(request.session).toBe(session);
  });

  test("regenerates by `destroy`, then its own `generate`", () => {
    const store = new (expressSession.Store as unknown as new () => EventEmitter & Record<string, unknown>)();
    const calls: unknown[] = [];
    store["destroy"] = (id: string, done: () => void) => (calls.push(`destroy ${id}`), done());
    store["generate"] = () => calls.push("generate");
    (store["regenerate"] as (request: object, done: () => void) => void)({ sessionID: "id" }, () => calls.push("done"));
    expect(calls).toEqual(["destroy id", "generate", "done"]);
  });
});
