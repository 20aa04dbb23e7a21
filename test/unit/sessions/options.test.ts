import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { readMiddlewareOptions, type SessionMiddlewareOptions } from "../../../src/sessions/middleware-options.js";
import { readSessionsOptions, type SessionsOptions } from "../../../src/sessions/session-options.js";
import { storePolicy, type StoreOptions } from "../../../src/sessions/store-options.js";

const secret = "a secret of more than thirty-two bytes";

function problemsOf(read: () => unknown): readonly { code: string; message: string; help?: string }[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const middleware = (options: object, https = false, production = false) =>
  readMiddlewareOptions({ secret, ...options } as SessionMiddlewareOptions, https, production);
const sessions = (options: object) => readSessionsOptions(options as SessionsOptions);

describe("createFleet({ sessions })", () => {
  test("has defaults, and reads durations", () => {
    expect(sessions({})).toEqual({ idle: undefined, absolute: undefined, touch: 0.1, merge: {} });
    expect(sessions({ idle: "1.5s", absolute: 0, touch: 0, merge: { fields: { n: "counter" } } })).toEqual({
      idle: 1500,
      absolute: 0,
      touch: 0,
      merge: { fields: { n: "counter" } },
    });
  });

  test.each([
    [{ idel: 1 }, 'sessions has no option "idel"; did you mean idle?', "idle, absolute, touch, merge"],
    [{ idle: "soon" }, 'sessions.idle is "soon", which is not a duration', 'sessions.idle: "1.5s"'],
    [{ idle: 0 }, "sessions.idle is 0", 'idle: "30m"'],
    [{ touch: 2 }, "sessions.touch is 2", "from 0 to 1"],
    [{ merge: { feilds: {} } }, 'sessions.merge has no option "feilds"; did you mean fields?', "default, fields"],
    [{ merge: { default: "mine" } }, "sessions.merge.default is 'mine'", '"field" or "last-write" or "reject"'],
    [{ merge: { fields: { n: "count" } } }, "sessions.merge.fields.n is 'count'", '"counter"'],
  ])("refuses %j", (options, message, help) => {
    const [problem, ...others] = problemsOf(() => sessions(options));
    expect(others).toEqual([]);
    expect(problem?.code).toMatch(/^ERR_FLEET_(SESSION_OPTION|CONFIG_DURATION)$/);
    expect(problem?.message).toBe(message);
    expect(problem?.help).toContain(help);
  });

  test("tells every problem at once", () => {
    expect(problemsOf(() => sessions({ idel: 1, touch: -1, absolute: "x", merge: { default: 1 } }))).toHaveLength(4);
  });
});

describe("the secret of a middleware", () => {
  test.each([undefined, "", [], [""], [secret, ""], 42, null])("cannot be %j", (value) => {
    const [problem] = problemsOf(() => middleware({ secret: value }));
    expect(problem).toMatchObject({ code: "ERR_FLEET_SESSION_SECRET" });
    expect(problem?.help).toContain("secret: process.env.SESSION_SECRET");
  });

  test("has 32 bytes or more in production; elsewhere a short one is a warning", () => {
    expect(problemsOf(() => middleware({ secret: "x".repeat(31) }, false, true))).toMatchObject([
      { code: "ERR_FLEET_SESSION_SECRET" },
    ]);
    expect(middleware({ secret: "x".repeat(32) }, false, true).warnings).toEqual([]);
    expect(middleware({ secret: "ü".repeat(16) }, false, true).warnings).toEqual([]);
    expect(middleware({ secret: "short" }).warnings).toMatchObject([{ code: "WARN_FLEET_SESSION_SECRET" }]);
  });

  test("may have short older ones, with a warning for each", () => {
    const { warnings } = middleware({ secret: [secret, "old", "older"] }, false, true);
    expect(warnings).toHaveLength(2);
    expect(JSON.stringify(warnings)).not.toContain('"old');
  });

  test("is kept as the array that was given", () => {
    const secrets = [secret];
    expect(middleware({ secret: secrets }).secrets).toBe(secrets);
  });
});

describe("the cookie of a middleware", () => {
  test.each([
    [{}, false, "sid"],
    [{}, true, "__Host-sid"],
    [{ cookie: { secure: true } }, false, "__Host-sid"],
    [{ cookie: { secure: "auto" } }, true, "sid"],
    [{ cookie: { domain: "example.org" } }, true, "sid"],
    [{ cookie: { path: "/app" } }, true, "sid"],
    [{ cookie: { path: "/", domain: undefined } }, true, "__Host-sid"],
    [{ cookie: () => ({}) }, true, "sid"],
    [{ name: "mine" }, true, "mine"],
    [{ name: "__Host-mine" }, true, "__Host-mine"],
  ])("of %j with https %j is named %s", (options, https, name) => {
    expect(middleware(options, https).name).toBe(name);
  });

  test.each([
    [{ name: "__Host-sid" }, "ERR_FLEET_SESSION_COOKIE_NAME"],
    [{ name: "__Host-sid", cookie: { secure: true, path: "/app" } }, "ERR_FLEET_SESSION_COOKIE_NAME"],
    [{ name: "a b" }, "ERR_FLEET_SESSION_COOKIE_NAME"],
    [{ name: "" }, "ERR_FLEET_SESSION_COOKIE_NAME"],
    [{ cookie: { maxage: 1 } }, "ERR_FLEET_SESSION_OPTION"],
    [{ cookie: { maxAge: "1 hour" } }, "ERR_FLEET_CONFIG_DURATION"],
  ])("cannot be that of %j", (options, code) => {
    expect(problemsOf(() => middleware(options))).toMatchObject([{ code }]);
  });

  test("has safe defaults, which what is undefined does not undo", () => {
    expect(middleware({ cookie: { httpOnly: undefined, sameSite: "strict", maxAge: "1m" } }).cookie).toEqual({
      path: "/",
      httpOnly: true,
      sameSite: "strict",
      secure: "auto",
      maxAge: 60_000,
    });
  });
});

describe("an option of a middleware", () => {
  test.each([
    [{ secert: "x" }, "did you mean secret?"],
    [{ saveUninitialised: true }, "did you mean saveUninitialized?"],
    [{ store: {} }, "the options are secret, name"],
    [{ commit: "after" }, '"before-response" or "express-session"'],
    [{ unset: true }, '"destroy" or "keep"'],
    [{ rolling: "yes" }, "true or false"],
    [{ genid: "x" }, "a function"],
    [{ onGone: "ignore" }, '"drop" or "error"'],
    [{ onCorrupt: "ignore" }, '"discard" or "error"'],
    [{ onStoreError: { raed: "error" } }, "did you mean read?"],
    [{ onStoreError: { read: "log" } }, '"error" or "anonymous"'],
    [{ onStoreError: { write: "anonymous" } }, '"error" or "log"'],
  ])("cannot be %j", (options, help) => {
    const [problem, ...others] = problemsOf(() => middleware(options));
    expect(others).toEqual([]);
    expect(problem?.code).toBe("ERR_FLEET_SESSION_OPTION");
    expect(`${problem?.message} ${problem?.help}`).toContain(help);
  });
});

test("an option of store() cannot be one of a middleware", () => {
  const policy = (options: object) => storePolicy(options as StoreOptions, { idle: 1, absolute: () => 0 });
  expect(problemsOf(() => policy({ secret }))).toMatchObject([{ message: 'store() has no option "secret"' }]);
  expect(policy({ onGone: "error" })).toMatchObject({
    onReadError: "error",
    onWriteError: "error",
    onGone: "error",
    onCorrupt: "discard",
    idle: 1,
  });
});
