import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MemorySessionStore } from "../../src/sessions/memory-session-store.js";
import type { Sessions } from "../../src/sessions/index.js";
import { HttpClient } from "../support/http-client.js";
import { beforeEachCall, instanceOn, secret, serve, sessionOf, sessionOver, versions } from "./support.js";

/** Counts which methods of the port a request needed: one trip each. */
function countTrips(): () => string[] {
  const trips: string[] = [];
  for (const method of ["load", "put", "update", "touch", "destroy"] as const) {
    beforeEachCall(method, () => trips.push(method));
  }
  return () => trips.splice(0);
}

/** express-session reads the clock twice when `maxAge` is set, and loses what passes in between. */
const about = (milliseconds: number): unknown => expect.closeTo(milliseconds, -3);

afterEach(() => void vi.restoreAllMocks());

const kinds = [
  { kind: "store()", middleware: (sessions: Sessions) => sessionOver(sessions.store(), { name: "sid" }) },
  { kind: "middleware()", middleware: (sessions: Sessions) => sessions.middleware({ secret }) as RequestHandler },
] as const;

for (const { version, make } of versions) {
  describe.each(kinds)(`$kind on ${version}`, ({ middleware }) => {
    let close: () => Promise<void>;
    let client: HttpClient;
    let origin: string;
    let sessions: Sessions;
    let trips: () => string[];

    beforeEach(async () => {
      trips = countTrips();
      sessions = instanceOn(randomUUID());
      const app = make();
      app.use(middleware(sessions));
      app.get("/nothing", (_req, res) => void res.send("nothing"));
      app.get("/read", (req, res) => void res.json(sessionOf(req)));
      app.get("/write/:name/:value", (req, res) => {
        sessionOf(req)[req.params.name] = req.params.value;
        res.json(sessionOf(req));
      });
      app.get("/save-and-redirect", (req, res, next) => {
        sessionOf(req)["saved"] = true;
        req.session.save((error) => (error ? next(error) : res.redirect("/read")));
      });
      app.get(
        "/save-unchanged",
        (req, res, next) => void req.session.save((error) => (error ? next(error) : res.send("ok"))),
      );
      app.get("/login", (req, res, next) => {
        req.session.regenerate((error) => {
          if (error) return next(error);
          sessionOf(req)["user"] = "bob";
          // As passport 0.6 and later do it.
          req.session.save((failure) => (failure ? next(failure) : res.send("in")));
        });
      });
      app.get(
        "/regenerate",
        (req, res, next) => void req.session.regenerate((error) => (error ? next(error) : res.send("fresh"))),
      );
      app.get(
        "/logout",
        (req, res, next) => void req.session.destroy((error) => (error ? next(error) : res.send("out"))),
      );
      app.get("/reload", (req, res, next) => {
        sessionOf(req)["unsaved"] = true;
        req.session.reload((error) => (error ? next(error) : res.json(sessionOf(req))));
      });
      app.get("/max-age/:ms", (req, res) => {
        req.session.cookie.maxAge = Number(req.params.ms);
        res.send("changed");
      });
      ({ origin, close } = await serve(app));
      client = new HttpClient(origin);
    });

    afterEach(async () => {
      client.close();
      await close();
    });

    const get = async (path: string) => {
      const response = await client.request({ path });
      return { ...response, trips: trips() };
    };

    test("a request without a cookie that writes nothing needs no trip and gets no cookie", async () => {
      const response = await get("/nothing");
      expect(response.trips).toEqual([]);
      expect(response.headers["set-cookie"]).toBeUndefined();
    });

    test("a forged cookie needs no trip", async () => {
      client.cookies.set("sid", `s%3A${"A".repeat(46)}.${"B".repeat(43)}`);
      expect((await get("/nothing")).trips).toEqual([]);
    });

    test("a new session is put", async () => {
      const response = await get("/write/a/1");
      expect(response.trips).toEqual(["put"]);
      expect(response.headers["set-cookie"]).toHaveLength(1);
      expect(client.cookies.get("sid")).toMatch(/^s%3A[\w-]{32,46}\./);
    });

    test("reading is one load and no write", async () => {
      await get("/write/a/1");
      const response = await get("/read");
      expect(response.trips).toEqual(["load"]);
      expect(JSON.parse(response.text)).toMatchObject({ a: "1" });
      expect(response.headers["set-cookie"]).toBeUndefined();
    });

    test("writing is a load and an update, writing the same again only a load", async () => {
      await get("/write/a/1");
      expect((await get("/write/b/2")).trips).toEqual(["load", "update"]);
      expect((await get("/write/b/2")).trips).toEqual(["load"]);
      expect(JSON.parse((await get("/read")).text)).toMatchObject({ a: "1", b: "2" });
    });

    test("save and redirect is a load and an update, not a third trip", async () => {
      await get("/write/a/1");
      const response = await get("/save-and-redirect");
      expect(response.trips).toEqual(["load", "update"]);
      expect(response.status).toBe(302);
    });

    test("a manual save of an unchanged session needs no trip and ends nothing", async () => {
      await get("/write/a/1");
      expect((await get("/save-unchanged")).trips).toEqual(["load"]);
      expect(JSON.parse((await get("/read")).text)).toMatchObject({ a: "1" });
    });

    test("regenerate and save, as passport logs in, is a load, a destroy and one put", async () => {
      await get("/write/cart/1");
      const before = client.cookies.get("sid");
      const response = await get("/login");
      expect(response.trips).toEqual(["load", "destroy", "put"]);
      expect(client.cookies.get("sid")).not.toBe(before);
      expect(JSON.parse((await get("/read")).text)).toMatchObject({ user: "bob" });
      client.cookies.set("sid", before as string);
      expect(JSON.parse((await get("/read")).text)).not.toHaveProperty("cart");
    });

    test("regenerate stores the fresh session although nothing is in it", async () => {
      await get("/write/a/1");
      const response = await get("/regenerate");
      expect(response.trips).toEqual(["load", "destroy", "put"]);
      expect(response.headers["set-cookie"]).toHaveLength(1);
    });

    test("destroy ends the session", async () => {
      await get("/write/a/1");
      expect((await get("/logout")).trips).toEqual(["load", "destroy"]);
      const response = await get("/read");
      expect(response.trips).toEqual(["load"]);
      expect(JSON.parse(response.text)).not.toHaveProperty("a");
      expect(sessions.stats()).toMatchObject({ destroys: 1, misses: 1 });
    });

    test("reload drops what was not saved", async () => {
      await get("/write/a/1");
      const response = await get("/reload");
      expect(response.trips).toEqual(["load", "load"]);
      expect(JSON.parse(response.text)).not.toHaveProperty("unsaved");
      expect(JSON.parse((await get("/read")).text)).not.toHaveProperty("unsaved");
    });

    test("a change of the cookie alone is stored with the session, without its fields", async () => {
      await get("/write/a/1");
      const update = vi.mocked(MemorySessionStore.prototype.update);
      expect((await get("/max-age/120000")).trips).toEqual(["load", "update"]);
      expect(update.mock.lastCall?.[0]).toMatchObject({ payload: undefined, idle: about(120_000) });
      const { cookie } = JSON.parse((await get("/read")).text);
      expect(cookie.originalMaxAge).toEqual(about(120_000));
      expect(Date.parse(cookie.expires)).toBeGreaterThan(Date.now() + 110_000);
      expect(Date.parse(cookie.expires)).toBeLessThanOrEqual(Date.now() + 120_000);
    });

    test("a session of a cookie with `maxAge` is read without a write, time and again", async () => {
      await get("/write/a/1");
      await get("/max-age/3600000");
      for (let n = 0; n < 20; n += 1) expect((await get("/read")).trips).toEqual(["load"]);
    });

    test("names of the prototype are no danger", async () => {
      await get("/write/__proto__/1");
      await get("/write/constructor/1");
      expect((await get("/write/a/1")).status).toBe(200);
      expect(({} as { a?: unknown }).a).toBeUndefined();
    });
  });
}
