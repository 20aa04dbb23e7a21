import { randomUUID } from "node:crypto";
import { get, type IncomingMessage } from "node:http";
import type { ErrorRequestHandler, Request, RequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UnavailableError } from "../../src/core/errors.js";
import { createFleet, type Fleet } from "../../src/index.js";
import type { Lock, LockedRequest, WithLockOptions } from "../../src/locks/index.js";
import { createLockMiddleware } from "../../src/locks/lock-middleware.js";
import { until } from "../support/until.js";
import { gate, serve, versions } from "./support.js";

const lockOf = (req: Request): Lock => (req as LockedRequest).lock as Lock;

/** A client that may go away. */
function start(url: string): { readonly answer: Promise<IncomingMessage>; leave(): void } {
  const request = get(url, { agent: false });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", (response) => resolve(response.resume()));
    request.on("error", reject);
  });
  answer.catch(() => undefined);
  return { answer, leave: () => request.destroy() };
}

describe.each(versions)("withLock on $version", ({ make }) => {
  let fleets: Fleet[];
  let closings: (() => Promise<void>)[];

  beforeEach(() => {
    const backend = { memory: randomUUID() };
    fleets = ["one", "two"].map((instance) => createFleet({ backend, instance, logger: false }));
    closings = [];
  });

  afterEach(async () => {
    await Promise.all(closings.map((close) => close()));
    await Promise.all(fleets.map((fleet) => fleet.close()));
  });

  const fleet = (index: number): Fleet => fleets[index] as Fleet;

  async function open(options: WithLockOptions, handler: RequestHandler): Promise<string> {
    const app = make();
    app.get("/:id", fleet(0).locks.withLock(options) as RequestHandler, handler);
    const { origin, close } = await serve(app);
    closings.push(close);
    return origin;
  }

  const isFree = async (name: string): Promise<boolean> => (await fleet(1).locks.inspect(name)).holder === undefined;

  test("holds the lock while the request is answered, and no longer", async () => {
    const origin = await open(
      { name: (req) => `page:${String((req as Request).params["id"])}`, owner: "ann" },
      async (req, res) => {
        const { holder } = await fleet(1).locks.inspect("page:7");
        res.json({ token: lockOf(req).token, name: lockOf(req).name, holder });
      },
    );
    const body = (await (await fetch(`${origin}/7`)).json()) as { token: number };
    expect(body).toMatchObject({ name: "page:7", holder: { owner: "ann", token: body.token } });
    await until(() => isFree("page:7"), { what: "the lock to be given back", every: 5 });
  });

  test("answers as a problem that names the holder, when the lock is not to be had", async () => {
    const lock = await fleet(1).locks.acquire("a", { owner: "ann", reason: "repair", details: { secret: 1 } });
    for (const { options, status, code } of [
      { options: { wait: 0 }, status: 423, code: "ERR_FLEET_LOCK_BUSY" },
      { options: { wait: 30, status: 409 as const }, status: 409, code: "ERR_FLEET_LOCK_TIMEOUT" },
    ]) {
      const origin = await open({ name: "a", ...options }, (_req, res) => void res.send("done"));
      const response = await fetch(`${origin}/1`);
      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      const body = (await response.json()) as { holder: Record<string, string> };
      expect(body).toMatchObject({ status, code, holder: { owner: "ann", reason: "repair", instance: "two" } });
      expect(body.holder).not.toHaveProperty("details");
      expect(new Date(body.holder["since"] as string).getTime()).toBeCloseTo(Date.now(), -4);
    }
    await lock.release();
  });

  test("waits for the lock, and lets one request run at a time", async () => {
    let [running, most] = [0, 0];
    const origin = await open({ name: "a" }, async (_req, res) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      res.send("done");
    });
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${origin}/1`)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(most).toBe(1);
  });

  test("forgets a client that has gone while it waited", async () => {
    const lock = await fleet(1).locks.acquire("a");
    let ran = 0;
    const origin = await open({ name: "a" }, (_req, res) => {
      ran += 1;
      res.send("done");
    });
    const client = start(`${origin}/1`);
    const waiting = async (): Promise<number> => (await fleet(1).locks.inspect("a")).waiting.length;
    await until(async () => (await waiting()) === 1, { what: "the request to wait", every: 5 });
    client.leave();
    await until(async () => (await waiting()) === 0, { what: "its place to be given up", every: 5 });
    await lock.release();
    expect([await isFree("a"), ran]).toEqual([true, 0]);
  });

  test.each([false, true])(
    "gives the lock back when the client goes while it is held; detach %s keeps it",
    async (detach) => {
      const [began, end] = [gate(), gate()];
      let lock: Lock | undefined;
      let gone = false;
      const origin = await open({ name: "a", detach }, async (req, res) => {
        lock = lockOf(req);
        res.once("close", () => (gone = true));
        began.open();
        await end.opened;
      });
      const client = start(`${origin}/1`);
      await began.opened;
      client.leave();
      await until(() => gone, { what: "the server to notice", every: 5 });
      if (!detach) await until(() => isFree("a"), { what: "the lock to be given back", every: 5 });
      expect(lock?.held).toBe(detach);
      expect(await isFree("a")).toBe(!detach);
      await lock?.release();
      end.open();
      expect(await isFree("a")).toBe(true);
    },
  );

  test.each(["before it asks", "just when the lock comes"])("runs nothing when the client goes %s", async (when) => {
    const arrived = gate();
    const notes: string[] = [];
    const untilGone = async (res: { readonly closed: boolean }): Promise<void> => {
      arrived.open();
      await until(() => res.closed, { what: "the server to notice", every: 5 });
    };
    const release = async (): Promise<boolean> => notes.push("released") > 0;
    const app = make();
    app.use(async (_req, res, next) => {
      if (when === "before it asks") await untilGone(res);
      const acquire = async (
        _name: string,
        { signal }: { readonly signal?: AbortSignal | undefined },
      ): Promise<Lock> => {
        notes.push("asked");
        if (signal?.aborted === true) throw signal.reason;
        await untilGone(res);
        return { release } as unknown as Lock;
      };
      createLockMiddleware({ acquire }, { name: "a" })(_req, res, next);
    });
    app.use(() => void notes.push("ran"));
    const { origin, close } = await serve(app);
    closings.push(close);
    const client = start(`${origin}/`);
    await arrived.opened;
    client.leave();
    const expected = when === "before it asks" ? ["asked"] : ["asked", "released"];
    await until(() => notes.length >= expected.length, { what: "the end", every: 5 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(notes).toEqual(expected);
  });

  test("hands on what hinders it: nothing runs without its lock", async () => {
    let ran = 0;
    const app = make();
    const down = { acquire: () => Promise.reject(new UnavailableError("nobody is there", { retryAfter: 2_000 })) };
    app.get("/down", createLockMiddleware(down, { name: "a" }) as RequestHandler, () => (ran += 1));
    const failing = (): never => {
      throw Object.assign(new Error("mine"), { status: 418 });
    };
    app.get("/name", fleet(0).locks.withLock({ name: failing }) as RequestHandler, () => (ran += 1));
    app.get("/empty", fleet(0).locks.withLock({ name: () => "" }) as RequestHandler, () => (ran += 1));
    app.use(((_error, _req, _res, next) => next(_error)) as ErrorRequestHandler);
    const { origin, close } = await serve(app);
    closings.push(close);
    const response = await fetch(`${origin}/down`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect((await fetch(`${origin}/name`)).status).toBe(418);
    expect((await fetch(`${origin}/empty`)).status).toBe(500);
    expect(ran).toBe(0);
  });

  test("refuses options that it could not use, when the app is set up", () => {
    const withLock = (options: object): unknown => fleet(0).locks.withLock(options as WithLockOptions);
    expect(() => withLock({})).toThrow(/`name`/);
    expect(() => withLock({ name: "" })).toThrow(/`name`/);
    expect(() => withLock({ name: "a", status: 200 })).toThrow(/`status`/);
    expect(() => withLock({ name: "a", wait: "soon" })).toThrow(/wait/);
    expect(() => withLock({ name: "a", lease: "1m" })).toThrow(RangeError);
  });
});
