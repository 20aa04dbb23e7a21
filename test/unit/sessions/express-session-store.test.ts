import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UnavailableError } from "../../../src/core/errors.js";
import { addressOf, generateId } from "../../../src/sessions/identifier.js";
import { MemorySessionStore } from "../../../src/sessions/memory-session-store.js";
import { Bench, day, fresh, hour, minute, type Session } from "./bench.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

afterEach(() => void vi.restoreAllMocks());

describe("saving", () => {
  test("a session that was not loaded creates, and replaces whole", async () => {
    const { set, load } = bench.facade(bench.instance());
    await set(fresh({ a: 1 }));
    await set(fresh({ b: 2 }));
    const loaded = (await load()) as Session;
    expect(loaded).toMatchObject({ b: 2 });
    expect(loaded).not.toHaveProperty("a");
  });

  test("moves the base on: the next save of the object is an update, and none when nothing changed", async () => {
    const sessions = bench.instance();
    const { set } = bench.facade(sessions);
    const put = vi.spyOn(MemorySessionStore.prototype, "put");
    const update = vi.spyOn(MemorySessionStore.prototype, "update");
    const session = fresh();
    await set(session);
    await set(session);
    session["b"] = 2;
    await set(session);
    await set(session);
    expect([put.mock.calls.length, update.mock.calls.length]).toEqual([1, 1]);
  });

  test("twice at once of one object never counts anything twice", async () => {
    const { set, load } = bench.facade(bench.instance({ merge: { fields: { n: "counter" } } }));
    await set(fresh({ n: 0 }));
    const session = (await load()) as Session;
    const other = (await load()) as Session;
    other["n"] += 10;
    await set(other);
    session["n"] += 1;
    const first = set(session);
    session["n"] += 1;
    const second = set(session);
    session["n"] += 1;
    await Promise.all([first, second]);
    await set(session);
    expect((await load()) as Session).toMatchObject({ n: 13 });
    expect(session["n"]).toBe(13);
  });

  test("gives the object what others wrote, deleted and changed of the cookie", async () => {
    const { set, load } = bench.facade(bench.instance());
    await set(fresh({ kept: 1, theirs: 1, deleted: 1 }));
    const mine = (await load()) as Session;
    const theirs = (await load()) as Session;
    delete theirs["deleted"];
    Object.assign(theirs, { theirs: 2, added: { deep: true } });
    theirs["cookie"].maxAge = 5 * minute;
    await set(theirs);
    mine["mine"] = 1;
    await set(mine);
    expect({ ...mine, cookie: 0 }).toEqual({ kept: 1, theirs: 2, added: { deep: true }, mine: 1, cookie: 0 });
    expect(mine["cookie"].originalMaxAge).toBeGreaterThan(5 * minute - 1000);
    expect(mine["cookie"].expires).toBeInstanceOf(Date);
    const update = vi.spyOn(MemorySessionStore.prototype, "update");
    await set(mine);
    await bench.facade(bench.instance()).touch(mine);
    expect(update).not.toHaveBeenCalled();
  });

  test("stores no `expires`, which would only grow stale", async () => {
    const { set, load } = bench.facade(bench.instance());
    await set(fresh({}, { originalMaxAge: hour, expires: new Date(), httpOnly: true }));
    const cookie = Buffer.from(String(bench.text()?.split("|")[8]), "base64url").toString();
    expect(JSON.parse(cookie)).toEqual({ originalMaxAge: hour, httpOnly: true });
    bench.clock.advance(10);
    const loaded = (await load()) as Session;
    const left = loaded["cookie"].expires.getTime() - Date.now();
    expect(left).toBeGreaterThan(hour - 1000);
    expect(left).toBeLessThanOrEqual(hour);
  });

  test("needs no write for the millisecond by which express-session's `touch` shortens `originalMaxAge`", async () => {
    const sessions = bench.instance();
    const { set, load, touch } = bench.facade(sessions);
    await set(fresh({}, { originalMaxAge: hour }));
    const session = (await load()) as Session;
    session["cookie"].originalMaxAge = hour - 3;
    await touch(session);
    await set(session);
    expect(sessions.stats().saves).toBe(1);
    session["cookie"].originalMaxAge = hour - 5000;
    await touch(session);
    expect(sessions.stats().saves).toBe(2);
  });

  test("what JSON cannot hold is an error of the callback", async () => {
    const { set } = bench.facade(bench.instance());
    const session = fresh();
    session["self"] = session;
    await expect(set(session)).rejects.toThrow(/circular/);
    await expect(set(fresh({ n: 1n }))).rejects.toThrow(/BigInt/);
  });
});

describe("a session that ended while the request ran", () => {
  test("is not brought back, the request goes on, and it is counted once", async () => {
    const sessions = bench.instance();
    const { set, load, destroy } = bench.facade(sessions);
    await set(fresh());
    const session = (await load()) as Session;
    await bench.facade(bench.instance()).destroy();
    session["b"] = 2;
    await set(session);
    session["c"] = 3;
    await set(session);
    expect(await load()).toBeUndefined();
    expect(sessions.stats()).toMatchObject({ gone: 1, errors: 0 });
    expect(bench.logged.map(({ fields }) => fields.code)).toEqual(["INFO_FLEET_SESSION_GONE"]);
    await destroy();
  });

  test("is an error each time under `onGone: error`", async () => {
    const { set, load, destroy, touch } = bench.facade(bench.instance(), { onGone: "error" });
    await set(fresh());
    const session = (await load()) as Session;
    await destroy();
    session["b"] = 2;
    const gone = { code: "ERR_FLEET_SESSION_GONE", status: 409 };
    await expect(set(session)).rejects.toMatchObject(gone);
    await expect(set(session)).rejects.toMatchObject(gone);
    session["cookie"].maxAge = 5000;
    await expect(touch(session)).rejects.toMatchObject(gone);
    expect(await load()).toBeUndefined();
  });

  test("and was made anew under its id is another session", async () => {
    const { set, load, destroy } = bench.facade(bench.instance());
    await set(fresh({ a: 1 }));
    const session = (await load()) as Session;
    await destroy();
    bench.clock.advance(5);
    await set(fresh({ fresh: 1 }));
    session["b"] = 2;
    await set(session);
    expect((await load()) as Session).toMatchObject({ fresh: 1 });
  });
});

describe("an id", () => {
  test("with the right selector and a wrong rest finds nothing, and harms nothing", async () => {
    const sessions = bench.instance();
    const { set, load, destroy } = bench.facade(sessions);
    await set(fresh());
    const stranger = bench.id.slice(0, 22) + generateId().slice(22);
    expect(await load(stranger)).toBeUndefined();
    await destroy(stranger);
    expect(await load()).toMatchObject({ a: 1 });
    expect(sessions.stats().misses).toBe(1);
  });

  test("of any form works", async () => {
    const { set, load } = bench.facade(bench.instance());
    for (const strange of ["x", "connect.sid-32-characters-long-abcd", "ä/:{}*", "9".repeat(5000)]) {
      await set(fresh({ strange }), strange);
      expect(await load(strange)).toMatchObject({ strange });
    }
  });
});

describe("what cannot be read", () => {
  const texts = [
    "garbage",
    "1|1|1|60000|0|TOKEN||0|e30|\nnot json",
    "1|1|1|60000|0|TOKEN||0|e30|\n[]",
    "1|1|1|60000|0|TOKEN||0|bm90|\n{}",
  ];
  const withToken = (text: string) => text.replace("TOKEN", addressOf(bench.id).token);

  test.each(texts)("counts as missing: %j", async (text) => {
    const sessions = bench.instance();
    bench.plant(withToken(text));
    expect(await bench.facade(sessions).load()).toBeUndefined();
    expect(sessions.stats()).toMatchObject({ corrupt: 1, misses: 0 });
    expect(bench.logged.at(-1)).toMatchObject({ level: "warn", fields: { code: "WARN_FLEET_SESSION_CORRUPT" } });
    expect(JSON.stringify(bench.logged)).not.toContain(bench.id);
  });

  test.each(texts)("is an error under `onCorrupt: error`: %j", async (text) => {
    bench.plant(withToken(text));
    await expect(bench.facade(bench.instance(), { onCorrupt: "error" }).load()).rejects.toMatchObject({
      code: "ERR_FLEET_CORRUPT_DATA",
    });
  });

  test("gives way to a session that is put in its place", async () => {
    bench.plant("garbage");
    const { set, load } = bench.facade(bench.instance());
    await set(fresh());
    expect(await load()).toMatchObject({ a: 1 });
  });
});

describe("the callback", () => {
  test("may be missing; a failure is then bench.logged", async () => {
    const sessions = bench.instance();
    const { store } = bench.facade(sessions);
    store.set(bench.id, fresh());
    store.touch(bench.id, fresh());
    store.destroy(bench.id);
    store.destroy(bench.id);
    await sessions.settle();
    expect(sessions.stats()).toMatchObject({ saves: 1, destroys: 2 });
    vi.spyOn(MemorySessionStore.prototype, "destroy").mockRejectedValue(new UnavailableError("away"));
    store.destroy(bench.id);
    await sessions.settle();
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.logged.at(-1)).toMatchObject({ level: "error", fields: { code: "WARN_FLEET_SESSION_CALLBACK" } });
  });

  test("is called once, and what it throws is thrown to the process", async () => {
    const { store, set } = bench.facade(bench.instance());
    await set(fresh());
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error));
    let calls = 0;
    try {
      store.get(bench.id, () => {
        calls += 1;
        throw new Error("from the callback");
      });
      await vi.waitFor(() => expect(thrown).toHaveLength(1));
    } finally {
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    expect(thrown).toMatchObject([{ message: "from the callback" }]);
    expect(calls).toBe(1);
  });
});

describe("the room", () => {
  test("settles once what is under way has ended", async () => {
    const sessions = bench.instance();
    const { set } = bench.facade(sessions);
    const original = MemorySessionStore.prototype.put;
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    vi.spyOn(MemorySessionStore.prototype, "put").mockImplementation(async function (this: MemorySessionStore, params) {
      await held;
      return original.call(this, params);
    });
    const saving = set(fresh());
    let settled = false;
    const settling = sessions.settle().then(() => (settled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    release();
    await Promise.all([saving, settling]);
    expect(bench.remaining()).toBe(day);
  });

  test("refuses every call once it is closed", async () => {
    const sessions = bench.instance();
    const { set, load, destroy } = bench.facade(sessions);
    await set(fresh());
    await sessions.close();
    const closed = { code: "ERR_FLEET_CLOSED", status: 503 };
    await expect(load()).rejects.toMatchObject(closed);
    await expect(set(fresh())).rejects.toMatchObject(closed);
    await expect(destroy()).rejects.toMatchObject(closed);
  });

  test("gives each middleware and each caller of store() a store of its own", () => {
    const sessions = bench.instance();
    expect(sessions.store()).not.toBe(sessions.store());
  });

  test("tells nothing of ids, tokens and fields in its numbers and its log", async () => {
    const sessions = bench.instance();
    const { set, load, destroy } = bench.facade(sessions);
    await set(fresh({ password: "hunter2" }));
    const session = (await load()) as Session;
    await destroy();
    session["b"] = 1;
    await set(session);
    const said = JSON.stringify([sessions.stats(), bench.logged]);
    expect(said).not.toContain("hunter2");
    expect(said).not.toContain(bench.id.slice(22));
  });
});
