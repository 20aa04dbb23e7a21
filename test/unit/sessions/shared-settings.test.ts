import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { canonicalText } from "../../../src/core/settings-fingerprint.js";
import type { SessionMiddlewareOptions, SessionsOptions } from "../../../src/sessions/index.js";
import { createSessions, type SessionsOfFleet } from "../../../src/sessions/sessions.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);
const secret = "a secret of more than thirty-two bytes";
const older = "an older secret of more than thirty-two bytes";
const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface Instance {
  readonly sessions?: SessionsOptions;
  readonly middlewares?: readonly Partial<SessionMiddlewareOptions>[];
  readonly stores?: number;
  readonly externalUrl?: string;
}

function start({ sessions = {}, middlewares = [{}], stores = 0, externalUrl }: Instance): SessionsOfFleet {
  const clock = new FakeClock();
  const made = createSessions({
    backend: createMemoryBackend({ namespace: "test", instanceId: "one", clock }),
    options: sessions,
    externalUrl: externalUrl === undefined ? undefined : new URL(externalUrl),
    logger: silent,
    clock,
    processId: randomBytes(8).toString("hex"),
  });
  for (const options of middlewares) made.middleware({ secret, ...options });
  for (let index = 0; index < stores; index += 1) made.store();
  return made;
}

const textOf = (instance: Instance): string => canonicalText(start(instance).sharedSettings());

const written: Partial<SessionMiddlewareOptions> = {
  name: "sid",
  cookie: { path: "/", httpOnly: true, sameSite: "lax", secure: "auto", maxAge: null, partitioned: false },
  rolling: false,
  saveUninitialized: false,
  unset: "keep",
  commit: "before-response",
};
const failing: Partial<SessionMiddlewareOptions> = {
  onStoreError: { read: "anonymous", write: "log" },
  onGone: "error",
  onCorrupt: "error",
};
const rejecting: Instance = { sessions: { merge: { default: "reject" } } };

describe("the same for users", () => {
  test.each<[what: string, one: Instance, other: Instance]>([
    ["nothing but defaults", {}, {}],
    ["the order of fields", fields("seat", "views"), fields("views", "seat")],
    [
      "a field whose rule is the default",
      { sessions: { merge: { default: "reject", fields: { a: "reject" } } } },
      rejecting,
    ],
    ["durations as text and as numbers", { sessions: { idle: "30m" } }, { sessions: { idle: 1_800_000 } }],
    ["the default idle time, written out", { sessions: { idle: "30m" } }, {}],
    ["defaults of the middleware, written out", { middlewares: [written] }, {}],
    [
      "a cookie's maxAge as text",
      { middlewares: [{ cookie: { maxAge: "1h" } }] },
      { middlewares: [{ cookie: { maxAge: 3_600_000 } }] },
    ],
    [
      "sameSite true, which means strict",
      { middlewares: [{ cookie: { sameSite: true } }] },
      { middlewares: [{ cookie: { sameSite: "strict" } }] },
    ],
    ["a secret alone or in an array", { middlewares: [{ secret: [secret] }] }, {}],
    ["the order of secrets that only verify", verifying("x".repeat(40), older), verifying(older, "x".repeat(40))],
    [
      "the order in which middlewares were made",
      { middlewares: [{}, { name: "b" }] },
      { middlewares: [{ name: "b" }, {}] },
    ],
    ["how often the same middleware was made", { middlewares: [{}, {}, {}] }, {}],
    ["how many stores were made", { stores: 1 }, { stores: 3 }],
    ["what an instance does when something fails", { middlewares: [failing] }, {}],
    ["how identifiers are made", { middlewares: [{ genid: () => "x" }] }, {}],
    ["resave, which changes nothing", { middlewares: [{ resave: true }] }, {}],
    ["an external URL of the same kind", { externalUrl: "https://a.example" }, { externalUrl: "https://b.example" }],
  ])("%s", (_what, one, other) => {
    expect(textOf(one)).toBe(textOf(other));
  });
});

describe("not the same for users", () => {
  const base: Instance = {};
  test.each<[what: string, other: Instance, than?: Instance]>([
    ["the cookie's name", { middlewares: [{ name: "other" }] }],
    ["an external URL that makes the cookie secure", { externalUrl: "https://a.example" }],
    ["the secret", { middlewares: [{ secret: older }] }],
    ["one more secret that verifies", { middlewares: [{ secret: [secret, older] }] }],
    [
      "which secret signs",
      { middlewares: [{ secret: [older, secret] }] },
      { middlewares: [{ secret: [secret, older] }] },
    ],
    ["a secret that is short", { middlewares: [{ secret: "short" }] }],
    ["the idle time", { sessions: { idle: "31m" } }],
    ["the absolute time", { sessions: { absolute: "30d" } }],
    ["no absolute time", { sessions: { absolute: 0 } }],
    ["when sessions are extended", { sessions: { touch: 0.5 } }],
    ["a field's merge", { sessions: { merge: { fields: { views: "counter" } } } }],
    ["another field's merge", fields("views"), fields("seat")],
    ["the merge of all fields", rejecting],
    ["the cookie's lifetime", { middlewares: [{ cookie: { maxAge: "1h" } }] }],
    ["the cookie's domain", { middlewares: [{ cookie: { domain: "example.com" } }] }],
    ["the cookie's path", { middlewares: [{ cookie: { path: "/app" } }] }],
    ["the cookie's sameSite", { middlewares: [{ cookie: { sameSite: "none" } }] }],
    ["the cookie's secure", { middlewares: [{ cookie: { secure: false } }] }],
    ["the cookie's httpOnly", { middlewares: [{ cookie: { httpOnly: false } }] }],
    ["a partitioned cookie", { middlewares: [{ cookie: { partitioned: true } }] }],
    ["the cookie's priority", { middlewares: [{ cookie: { priority: "high" } }] }],
    ["the cookie's fixed end", { middlewares: [{ cookie: { expires: new Date(0) } }] }],
    ["a cookie that a function decides", { middlewares: [{ cookie: () => ({}) }] }],
    ["rolling", { middlewares: [{ rolling: true }] }],
    ["saveUninitialized", { middlewares: [{ saveUninitialized: true }] }],
    ["what null does", { middlewares: [{ unset: "destroy" }] }],
    ["when it is saved", { middlewares: [{ commit: "express-session" }] }],
    ["whether a proxy is believed", { middlewares: [{ proxy: true }] }],
    ["one more middleware", { middlewares: [{}, { name: "admin" }] }],
    ["a store beside it", { stores: 1 }],
    ["no middleware at all", { middlewares: [] }],
  ])("%s", (_what, other, than = base) => {
    expect(textOf(other)).not.toBe(textOf(than));
  });

  test("the format in which sessions are stored is part of it", () => {
    expect(start({}).sharedSettings()).toMatchObject({ format: 1 });
  });
});

describe("secrets", () => {
  test("one that is changed while the app runs counts from then on", () => {
    const secrets = [secret];
    const instance = start({ middlewares: [{ secret: secrets }] });
    const before = canonicalText(instance.sharedSettings());
    secrets.unshift(older);
    expect(canonicalText(instance.sharedSettings())).toBe(textOf({ middlewares: [{ secret: [older, secret] }] }));
    secrets.shift();
    expect(canonicalText(instance.sharedSettings())).toBe(before);
  });

  test("a middleware for each request, with the same options, is remembered once", () => {
    let looks = 0;
    const secrets = [secret];
    secrets.map = ((...args: Parameters<typeof secrets.map>) => {
      looks += 1;
      return Array.prototype.map.apply(secrets, args);
    }) as typeof secrets.map;
    const instance = start({ middlewares: Array.from({ length: 1000 }, () => ({ secret: secrets })) });
    looks = 0;
    expect(canonicalText(instance.sharedSettings())).toBe(textOf({}));
    expect(looks).toBe(1);
  });

  test("a middleware that was refused adds nothing", () => {
    const instance = start({});
    const before = canonicalText(instance.sharedSettings());
    expect(() => instance.middleware({ secret: "" })).toThrow();
    expect(canonicalText(instance.sharedSettings())).toBe(before);
  });

  test("never stand in it, nor what is easily made of them", () => {
    // From 8 characters on, so that none of them is there by chance.
    const someSecret = fc
      .string({ minLength: 8, maxLength: 60, unit: "grapheme" })
      .filter((text) => text.trim().length >= 8);
    fc.assert(
      fc.property(fc.array(someSecret, { minLength: 1, maxLength: 4 }), (secrets) => {
        const text = textOf({ middlewares: [{ secret: secrets }] });
        for (const each of secrets) {
          const bytes = Buffer.from(each);
          const forms = [each, JSON.stringify(each).slice(1, -1), bytes.toString("base64url"), bytes.toString("hex")];
          for (const form of forms) expect(text).not.toContain(form);
        }
      }),
      { seed },
    );
  });
});

function fields(...names: readonly string[]): Instance {
  return { sessions: { merge: { fields: Object.fromEntries(names.map((name) => [name, "counter"] as const)) } } };
}

function verifying(...others: readonly string[]): Instance {
  return { middlewares: [{ secret: [secret, ...others] }] };
}
