import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sessions, SessionsOptions } from "../../src/sessions/index.js";
import { HttpClient } from "../support/http-client.js";
import { gate, instanceOn, secret, serve, sessionOf, sessionOver, versions } from "./support.js";

const options: SessionsOptions = { merge: { fields: { count: "counter", seat: "reject" } } };

const kinds = [
  { kind: "store()", middleware: (sessions: Sessions) => sessionOver(sessions.store(), { name: "sid" }) },
  { kind: "middleware()", middleware: (sessions: Sessions) => sessions.middleware({ secret }) as RequestHandler },
] as const;

for (const { version, make } of versions) {
  describe.each(kinds)(`three instances with $kind on ${version}`, ({ middleware }) => {
    let instances: readonly Sessions[];
    let origins: string[];
    let closers: (() => Promise<void>)[];
    let slow: ReturnType<typeof gate>;
    let arrived: ReturnType<typeof gate>;
    /** Lets requests go on once so many are under way: each then works on the session as it was. */
    let crowd: ReturnType<typeof crowdOf>;
    let cookie: string;

    beforeEach(async () => {
      const name = randomUUID();
      [slow, arrived] = [gate(), gate()];
      crowd = crowdOf(1);
      instances = Array.from({ length: 3 }, () => instanceOn(name, options));
      const servers = await Promise.all(
        instances.map((sessions) => {
          const app = make();
          app.use(middleware(sessions));
          app.get("/start", (req, res) => {
            Object.assign(sessionOf(req), { count: 0, user: "bob" });
            res.send("started");
          });
          app.get("/read", (req, res) => void res.json(sessionOf(req)));
          app.get("/plus", async (req, res) => {
            sessionOf(req)["count"] += 1;
            await crowd.meet();
            res.send("counted");
          });
          app.get("/field/:name", async (req, res) => {
            sessionOf(req)[req.params.name] = true;
            await crowd.meet();
            res.send("written");
          });
          app.get("/slow/:name", async (req, res) => {
            arrived.open();
            await slow.opened;
            sessionOf(req)[req.params.name] = "slow";
            res.json(sessionOf(req));
          });
          app.get("/merged/:name", async (req, res, next) => {
            const session = sessionOf(req);
            session[req.params.name] = "mine";
            session["count"] += 1;
            arrived.open();
            await slow.opened;
            session.save((error: unknown) => (error ? next(error) : res.json(session)));
          });
          app.get("/logout", (req, res) => void req.session.destroy(() => res.send("out")));
          return serve(app);
        }),
      );
      origins = servers.map(({ origin }) => origin);
      closers = servers.map(({ close }) => close);
      cookie = await browser(0, async (client) => {
        await client.request({ path: "/start" });
        return client.cookies.get("sid") as string;
      });
    });

    afterEach(async () => {
      slow.open();
      await Promise.all(closers.map((close) => close()));
    });

    async function browser<T>(instance: number, use: (client: HttpClient) => Promise<T>): Promise<T> {
      const client = new HttpClient(origins[instance % 3] as string);
      if (cookie !== undefined) client.cookies.set("sid", cookie);
      try {
        return await use(client);
      } finally {
        client.close();
      }
    }

    const get = (instance: number, path: string) => browser(instance, (client) => client.request({ path }));
    const read = async () => JSON.parse((await get(0, "/read")).text);
    const sum = (name: "conflicts" | "gone" | "saves") =>
      instances.reduce((total, sessions) => total + sessions.stats()[name], 0);

    test("fifty parallel +1 on one session count fifty", async () => {
      crowd = crowdOf(50);
      const responses = await Promise.all(Array.from({ length: 50 }, (_, n) => get(n, "/plus")));
      expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
      expect(await read()).toMatchObject({ count: 50 });
    });

    test("twenty requests that each write another field lose none", async () => {
      crowd = crowdOf(20);
      await Promise.all(Array.from({ length: 20 }, (_, n) => get(n, `/field/f${n}`)));
      const session = await read();
      expect(Object.keys(session).filter((name) => /^f\d+$/.test(name))).toHaveLength(20);
      expect(session).toMatchObject({ user: "bob", count: 0 });
    });

    test("a logout while a slow request runs stays a logout, on every instance", async () => {
      const running = get(1, "/slow/a");
      await arrived.opened;
      await get(2, "/logout");
      slow.open();
      expect((await running).status).toBe(200);
      for (const instance of [0, 1, 2])
        expect(JSON.parse((await get(instance, "/read")).text)).not.toHaveProperty("user");
      expect(sum("gone")).toBe(1);
    });

    test("a logout in the very instance of the slow request stays a logout", async () => {
      const running = get(1, "/slow/a");
      await arrived.opened;
      await get(1, "/logout");
      slow.open();
      expect((await running).status).toBe(200);
      expect(await read()).not.toHaveProperty("user");
    });

    test("a slow request keeps what others wrote meanwhile, and sees it once it has saved", async () => {
      const running = get(1, "/merged/mine");
      await arrived.opened;
      await get(2, "/field/theirs");
      await get(0, "/plus");
      slow.open();
      expect(JSON.parse((await running).text)).toMatchObject({ mine: "mine", theirs: true, count: 2 });
      expect(await read()).toMatchObject({ mine: "mine", theirs: true, count: 2, user: "bob" });
      // One save of each request, and one repetition of the merged one: nothing is saved twice.
      expect(sum("saves")).toBe(4);
      expect(sum("conflicts")).toBe(1);
    });

    test("a field under `reject` fails one of two requests that change it", async () => {
      const running = browser(1, (client) => client.request({ path: "/slow/seat" }));
      await arrived.opened;
      expect((await get(2, "/field/seat")).status).toBe(200);
      slow.open();
      // With `store()` the headers have left when the save fails; `middleware()` can still tell.
      expect((await running).status).toBe(middleware === kinds[1].middleware ? 409 : 200);
      expect(await read()).toMatchObject({ seat: true });
    });
  });
}

function crowdOf(size: number): { meet(): Promise<void> } {
  const { opened, open } = gate();
  let here = 0;
  return {
    meet: () => {
      here += 1;
      if (here === size) open();
      return opened;
    },
  };
}
