import { randomUUID } from "node:crypto";
import type { Express } from "express";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SessionMiddlewareOptions, Sessions } from "../../src/sessions/index.js";
import { HttpClient, type HttpResponse } from "../support/http-client.js";
import { instanceOn, recordingLogger, secret, serve, sessionOf, versions } from "./support.js";

afterEach(() => void vi.useRealTimers());

for (const { version, make } of versions) {
  describe(version, () => {
    let sessions: Sessions;
    let logger: ReturnType<typeof recordingLogger>;
    let name: string;
    let closers: (() => void | Promise<void>)[];

    beforeEach(() => {
      [name, logger, closers] = [randomUUID(), recordingLogger(), []];
      sessions = instanceOn(name, {}, { logger });
    });

    afterEach(async () => {
      for (const close of closers.reverse()) await close();
    });

    async function app(
      options: Partial<SessionMiddlewareOptions> = {},
      prepare: (app: Express) => void = () => undefined,
      over = sessions,
    ) {
      const made = make();
      prepare(made);
      made.use(over.middleware({ secret, ...options }));
      made.get("/write/:name", (req, res) => {
        sessionOf(req)[req.params.name] = true;
        res.send("written");
      });
      made.get("/read", (req, res) => void res.json(req.session ?? null));
      made.get("/max-age/:ms", (req, res) => {
        req.session.cookie.maxAge = req.params.ms === "none" ? (null as never) : Number(req.params.ms);
        res.send("changed");
      });
      made.get("/max-age-and-save", (req, res, next) => {
        req.session.cookie.maxAge = 90_000;
        req.session.save((error) => (error ? next(error) : res.send("changed")));
      });
      const { origin, close } = await serve(made);
      const client = new HttpClient(origin);
      closers.push(close, () => client.close());
      return client;
    }

    const cookieOf = ({ headers }: HttpResponse): string | undefined =>
      headers["set-cookie"]?.[0]?.replace(/=s%3A[^;]*/, "");
    const get = (client: HttpClient, path: string, headers: Record<string, string> = {}) =>
      client.request({ path, headers });

    describe("the cookie", () => {
      test("is httpOnly, lax, for the whole site, named sid, and secure on encrypted requests", async () => {
        const client = await app({}, (made) => void made.set("trust proxy", 1));
        expect(cookieOf(await get(client, "/write/a"))).toBe("sid; Path=/; HttpOnly; SameSite=Lax");
        client.cookies.clear();
        const encrypted = await get(client, "/write/a", { "x-forwarded-proto": "https" });
        expect(cookieOf(encrypted)).toBe("sid; Path=/; HttpOnly; Secure; SameSite=Lax");
      });

      test("is __Host-sid and secure where the fleet's external URL is https", async () => {
        const over = instanceOn(name, {}, { externalUrl: new URL("https://example.org") });
        const client = await app({}, (made) => void made.set("trust proxy", 1), over);
        const encrypted = await get(client, "/write/a", { "x-forwarded-proto": "https, http" });
        expect(cookieOf(encrypted)).toBe("__Host-sid; Path=/; HttpOnly; Secure; SameSite=Lax");
      });

      test("is not sent over a proxy that Express does not trust, and the log says so once", async () => {
        const over = instanceOn(name, {}, { externalUrl: new URL("https://example.org"), logger });
        const client = await app({}, undefined, over);
        for (let n = 0; n < 2; n += 1) {
          const response = await get(client, "/write/a", { "x-forwarded-proto": "https" });
          expect(response.headers).not.toHaveProperty("set-cookie");
        }
        expect(logger.lines.filter(({ code }) => code === "WARN_FLEET_TRUST_PROXY")).toHaveLength(1);
      });

      test("takes every attribute that is set, and durations", async () => {
        const cookie = {
          domain: "example.org",
          path: "/write",
          sameSite: "strict",
          secure: false,
          httpOnly: false,
          priority: "high",
          maxAge: "1h",
        } as const;
        const client = await app({ name: "app", cookie });
        const parts = cookieOf(await get(client, "/write/a"))
          ?.split("; ")
          .filter((part) => !part.startsWith("Expires="));
        expect(parts?.sort()).toEqual(
          ["Domain=example.org", "Max-Age=3600", "Path=/write", "Priority=High", "SameSite=Strict", "app"].sort(),
        );
      });

      test("may be decided for each request, `auto` included", async () => {
        const client = await app({
          proxy: true,
          cookie: (request) => ({ sameSite: "auto", maxAge: request.headers["x-long"] === "yes" ? "10m" : null }),
        });
        expect(cookieOf(await get(client, "/write/a"))).toBe("sid; Path=/; HttpOnly; SameSite=Lax");
        client.cookies.clear();
        const long = cookieOf(await get(client, "/write/a", { "x-long": "yes", "x-forwarded-proto": "https" }));
        expect(long).toMatch(/^sid; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=None; Max-Age=600$/);
      });
    });

    describe("Max-Age", () => {
      test("stands wherever Expires does, and nowhere else", async () => {
        const client = await app({ cookie: { maxAge: 60_000 } });
        expect(cookieOf(await get(client, "/write/a"))).toMatch(/; Expires=[^;]+;.*; Max-Age=60$/);
        const plain = await app();
        expect(cookieOf(await get(plain, "/write/a"))).not.toMatch(/Max-Age|Expires/);
      });

      test("is right when the clock of the process is wrong, and nobody loses a session", async () => {
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
        const client = await app({ cookie: { maxAge: 600_000 } });
        const response = await get(client, "/write/a");
        expect(cookieOf(response)).toMatch(/; Max-Age=600$/);
        // A browser with the right time: `Expires` alone would have ended the cookie 50 minutes ago.
        vi.useRealTimers();
        expect(client.cookies.has("sid")).toBe(true);
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true });
        const { cookie } = JSON.parse((await get(client, "/read")).text);
        expect(Date.parse(cookie.expires)).toBeGreaterThan(Date.now() + 590_000);
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
        for (const path of ["/write/b", "/max-age-and-save", "/read"]) await get(client, path);
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true, b: true });
        expect(sessions.stats()).toMatchObject({ misses: 0, gone: 0, errors: 0 });
      });
    });

    describe("when it is sent", () => {
      test("with a new session, with `rolling` always, otherwise not", async () => {
        const client = await app();
        expect(cookieOf(await get(client, "/write/a"))).toBeDefined();
        expect(cookieOf(await get(client, "/write/b"))).toBeUndefined();
        expect(cookieOf(await get(client, "/read"))).toBeUndefined();
        const rolling = await app({ rolling: true, cookie: { maxAge: 60_000 } });
        await get(rolling, "/write/a");
        expect(cookieOf(await get(rolling, "/read"))).toMatch(/; Max-Age=60$/);
      });

      test("also when only the cookie was changed, once, signed like any other", async () => {
        const client = await app();
        await get(client, "/write/a");
        const before = client.cookies.get("sid");
        for (const path of ["/max-age/120000", "/max-age-and-save"]) {
          const response = await get(client, path);
          expect(response.headers["set-cookie"]).toHaveLength(1);
          expect(cookieOf(response)).toMatch(/^sid; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax; Max-Age=(120|90)$/);
          expect(client.cookies.get("sid")).toBe(before);
        }
        expect(cookieOf(await get(client, "/read"))).toBeUndefined();
        expect(cookieOf(await get(client, "/max-age/none"))).toBe("sid; Path=/; HttpOnly; SameSite=Lax");
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({
          a: true,
          cookie: { originalMaxAge: null },
        });
      });

      test("not for a session in which nothing was written, unless `saveUninitialized`", async () => {
        const client = await app();
        expect(cookieOf(await get(client, "/read"))).toBeUndefined();
        expect(sessions.stats().saves).toBe(0);
        const eager = await app({ saveUninitialized: true });
        expect(cookieOf(await get(eager, "/read"))).toBeDefined();
        expect(sessions.stats().saves).toBe(1);
      });
    });

    describe("secrets", () => {
      const older = "an older secret";

      test("the first signs and all verify; the array may be changed while the app runs", async () => {
        const secrets = [older];
        const client = await app({ secret: secrets });
        await get(client, "/write/a");
        const signed = client.cookies.get("sid");
        secrets.unshift(secret);
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true });
        await get(client, "/max-age/60000");
        expect(client.cookies.get("sid")).not.toBe(signed);
        secrets.pop();
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true });
        client.cookies.set("sid", signed as string);
        expect(JSON.parse((await get(client, "/read")).text)).not.toHaveProperty("a");
      });
    });

    describe("several middlewares", () => {
      test("of one fleet keep their own cookie options", async () => {
        const made = make();
        made.use("/long", sessions.middleware({ secret, name: "long", cookie: { maxAge: "30d", path: "/long" } }));
        made.use("/short", sessions.middleware({ secret, name: "short", cookie: { maxAge: "1m", path: "/short" } }));
        made.use((req, res) => {
          sessionOf(req)["a"] = true;
          res.send("written");
        });
        const { origin, close } = await serve(made);
        const client = new HttpClient(origin);
        closers.push(close, () => client.close());
        expect(cookieOf(await get(client, "/long"))).toMatch(/^long; Path=\/long; .*Max-Age=2592000$/);
        expect(cookieOf(await get(client, "/short"))).toMatch(/^short; Path=\/short; .*Max-Age=60$/);
      });

      test("on one path: the first one's session holds", async () => {
        const client = await app(
          { name: "second" },
          (made) => void made.use(sessions.middleware({ secret, name: "first" })),
        );
        const response = await get(client, "/write/a");
        expect(response.headers["set-cookie"]).toHaveLength(1);
        expect(cookieOf(response)).toMatch(/^first;/);
        expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true });
        expect(sessions.stats().saves).toBe(1);
      });

      test("a path that the cookie is not for has no session", async () => {
        const client = await app({ cookie: { path: "/elsewhere" } });
        expect((await get(client, "/read")).text).toBe("null");
      });
    });

    test("an id of one's own making works, and so does one that is no string of ours", async () => {
      let count = 0;
      const client = await app({ genid: () => `tenant/7:${(count += 1)}` });
      await get(client, "/write/a");
      expect(JSON.parse((await get(client, "/read")).text)).toMatchObject({ a: true });
    });

    test("an id that the app replaced by something else is neither stored nor sent", async () => {
      const made = make();
      made.use(sessions.middleware({ secret }));
      made.use((req, res) => {
        sessionOf(req)["a"] = true;
        (req as { sessionID: unknown }).sessionID = 42;
        res.send("ok");
      });
      const { origin, close } = await serve(made);
      const client = new HttpClient(origin);
      closers.push(close, () => client.close());
      const response = await get(client, "/");
      expect(response.status).toBe(200);
      expect(response.headers).not.toHaveProperty("set-cookie");
      expect(sessions.stats().saves).toBe(0);
    });
  });
}
