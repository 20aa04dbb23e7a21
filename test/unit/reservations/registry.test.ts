import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ConfigError, CorruptDataError, isFleetError, UnavailableError } from "../../../src/core/errors.js";
import type { Registry, ReservationChange } from "../../../src/reservations/index.js";
import { MemoryReservationStore } from "../../../src/reservations/memory-reservation-store.js";
import type { RegistryOptions } from "../../../src/reservations/registry-options.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { anotherName, instanceOn, type Instance } from "./room.js";

interface Setup {
  readonly clock: FakeClock;
  readonly one: Instance;
  readonly documents: Registry;
}

function setUp(options: RegistryOptions = {}): Setup {
  const clock = new FakeClock();
  const one = instanceOn(anotherName(), clock);
  return { clock, one, documents: one.room.define("document", options) };
}

const anna = { owner: { id: "u1", name: "Anna" }, session: "s1" };
const ben = { owner: { id: "u2", name: "Ben" }, session: "s2" };

async function tokenFor(documents: Registry, item: string, who = anna): Promise<number> {
  const outcome = await documents.reserve(item, who);
  if (outcome.status !== "reserved") throw new Error(`${item} is ${outcome.status}`);
  return outcome.reservation.token;
}

describe("define", () => {
  test("refuses a kind that is defined already, and says so", () => {
    const { one } = setUp();
    expect(() => one.room.define("document")).toThrow(
      expect.objectContaining({ code: "ERR_FLEET_RESERVATION_KIND", message: expect.stringContaining("document") }),
    );
  });

  test.each<[what: string, kind: string, options: object, message: RegExp]>([
    ["an empty kind", "", {}, /usable name/],
    ["a kind with a colon", "a:b", {}, /usable name/],
    ["a lease of 0", "a", { lease: 0 }, /lease is 0/],
    ["a lease without a unit", "a", { lease: "60" }, /not a duration/],
    ["a quota of a half", "a", { quota: 0.5 }, /quota is 0.5/],
    ["a rule that there is not", "a", { sameOwner: "share" }, /sameOwner/],
    ["a misspelt option", "a", { maxhold: "1h" }, /maxHold/],
  ])("refuses %s", (_what, kind, options, message) => {
    const { one } = setUp();
    expect(() => one.room.define(kind, options as RegistryOptions)).toThrow(ConfigError);
    expect(() => one.room.define(kind, options as RegistryOptions)).toThrow(message);
  });

  test("tells what all instances must have alike", () => {
    const { one } = setUp({ lease: "30s", quota: 3 });
    expect(one.room.inUse).toBe(true);
    expect(one.room.sharedSettings()).toEqual({
      document: { lease: 30_000, cap: 0, quota: 3, sameOwner: "refuse" },
    });
  });
});

test("one owner has a thousand items at most unless the registry says otherwise", async () => {
  const { one, documents } = setUp();
  const free = one.room.define("free", { quota: 0 });
  const items = (hundred: number): readonly string[] => Array.from({ length: 100 }, (_, at) => `${hundred}-${at}`);
  for (let hundred = 0; hundred < 10; hundred += 1) {
    for (const registry of [documents, free])
      expect((await registry.reserve(items(hundred), anna)).status).toBe("done");
  }
  expect(await documents.reserve("one more", anna)).toEqual({ status: "quota", held: 1000, quota: 1000 });
  expect((await free.reserve("one more", anna)).status).toBe("reserved");
  expect((await documents.reserve("one more", ben)).status).toBe("reserved");
});

describe("a room that is not used", () => {
  test("opens nothing, starts no timer and watches no sessions", () => {
    const clock = new FakeClock();
    const { room, watch, feeds } = instanceOn(anotherName(), clock);
    const before = clock.timers;
    expect(room.inUse).toBe(false);
    expect([feeds(), watch.listeners]).toEqual([0, 0]);
    room.define("document");
    expect([feeds(), clock.timers]).toEqual([0, before]);
  });
});

describe("reserve", () => {
  test("gives an item to one, names the holder to the others, and keeps the token of who has it", async () => {
    const { documents, clock } = setUp();
    const first = await documents.reserve("42", {
      ...anna,
      reason: "proof-reading",
      details: { page: 3 },
      client: "tab",
    });
    expect(first).toMatchObject({
      status: "reserved",
      reservation: { item: "42", owner: anna.owner, reason: "proof-reading", details: { page: 3 }, client: "tab" },
    });
    const { token, since, until } = (first as { reservation: { token: number; since: number; until: number } })
      .reservation;
    expect(until - since).toBe(60_000);
    expect(await documents.reserve("42", ben)).toMatchObject({
      status: "busy",
      holder: { owner: anna.owner, reason: "proof-reading", since, until },
    });
    clock.advance(1_000);
    expect(await documents.reserve("42", anna)).toMatchObject({
      status: "refreshed",
      reservation: { token, since, until: until + 1_000 },
    });
  });

  test("says what is wrong with an item that is a number", async () => {
    const { documents } = setUp();
    const wrong = expect.objectContaining({
      code: "ERR_FLEET_RESERVATION_INPUT",
      message: "an item is of type number",
    });
    await expect(documents.reserve(42 as never, anna)).rejects.toEqual(wrong);
    await expect(documents.getEach(42 as never)).rejects.toEqual(wrong);
  });

  test("takes all or none of several, or each that is free", async () => {
    const { documents } = setUp();
    await tokenFor(documents, "2", ben);
    expect(await documents.reserve(["1", "2", "3"], anna)).toMatchObject({ status: "busy", holders: [{ item: "2" }] });
    expect(await documents.get("1")).toBeUndefined();
    const each = await documents.reserve(["1", "2", "3"], { ...anna, mode: "each" });
    expect(each).toMatchObject({
      status: "done",
      outcomes: [{ status: "reserved" }, { status: "busy", item: "2" }, { status: "reserved" }],
    });
  });

  test("refuses what would be more than the quota", async () => {
    const { documents } = setUp({ quota: 2 });
    await documents.reserve(["1", "2"], anna);
    expect(await documents.reserve("3", anna)).toEqual({ status: "quota", held: 2, quota: 2 });
    expect(await documents.reserve("3", ben)).toMatchObject({ status: "reserved" });
  });

  test.each<[what: string, use: (documents: Registry) => Promise<unknown>, message: RegExp]>([
    ["an empty item", (documents) => documents.reserve("", anna), /item is empty/],
    ["an item with a NUL", (documents) => documents.reserve("a\0b", anna), /item/],
    ["no items", (documents) => documents.reserve([], anna), /0 items/],
    ["an owner that is nobody", (documents) => documents.reserve("1", { ...anna, owner: "" }), /owner's id is empty/],
    ["no session", (documents) => documents.reserve("1", { ...anna, session: "" }), /session is empty/],
    ["a long reason", (documents) => documents.reserve("1", { ...anna, reason: "x".repeat(501) }), /reason/],
    ["large details", (documents) => documents.reserve("1", { ...anna, details: "x".repeat(1_100) }), /1102 bytes/],
    ["details that are no JSON", (documents) => documents.reserve("1", { ...anna, details: 1n }), /no JSON/],
    ["a token that is none", (documents) => documents.check("1", { session: "s1", token: -1 }), /token/],
  ])("refuses %s with what to write instead", async (_what, use, message) => {
    const { documents } = setUp();
    const error: unknown = await use(documents).catch((failure: unknown) => failure);
    expect(isFleetError(error) && error).toMatchObject({
      code: "ERR_FLEET_RESERVATION_INPUT",
      status: 400,
      message: expect.stringMatching(message),
    });
  });
});

describe("the lease of a session", () => {
  test("ends everything that the session has when it is silent, and nothing while it is not", async () => {
    const { documents, clock } = setUp({ lease: "30s" });
    await documents.reserve(["1", "2"], anna);
    clock.advance(29_000);
    expect(await documents.heartbeat("s1")).toMatchObject({ status: "held" });
    clock.advance(29_000);
    expect(await documents.check("1", { session: "s1" })).toMatchObject({ status: "held" });
    clock.advance(1_000);
    expect(await documents.check("1", { session: "s1" })).toMatchObject({ status: "free" });
    expect(await documents.heartbeat("s1")).toEqual({ status: "gone" });
    expect(await documents.reserve("2", ben)).toMatchObject({ status: "reserved" });
  });

  test("does not keep a reservation longer than maxHold", async () => {
    const { documents, clock } = setUp({ lease: "30s", maxHold: "50s" });
    const token = await tokenFor(documents, "1");
    clock.advance(25_000);
    await documents.heartbeat("s1");
    clock.advance(24_999);
    expect(await documents.check("1", { session: "s1", token })).toMatchObject({ status: "held" });
    clock.advance(1);
    expect(await documents.check("1", { session: "s1", token })).toMatchObject({ status: "free" });
  });
});

describe("release, steal and force", () => {
  test("a release ends one's own only, and a second one is no error", async () => {
    const { documents } = setUp();
    const token = await tokenFor(documents, "1");
    expect(await documents.release("1", { session: "s2" })).toMatchObject({ status: "other", holder: anna });
    expect(await documents.release("1", { session: "s1", token: token - 1 })).toMatchObject({ status: "other" });
    expect(await documents.release("1", { session: "s1", token })).toEqual({ status: "released", item: "1" });
    expect(await documents.release("1", { session: "s1", token })).toEqual({ status: "free", item: "1" });
  });

  test("who steals has a higher token, and the former holder is told by whom", async () => {
    const { documents } = setUp();
    const token = await tokenFor(documents, "1");
    const { owner: by, session } = ben;
    expect(await documents.steal("1", { by, session, expected: token - 1 })).toMatchObject({ status: "changed" });
    const stolen = await documents.steal("1", { by, session, reason: "urgent", expected: token });
    expect(stolen).toMatchObject({ status: "stolen", previous: { owner: anna.owner, token } });
    expect((stolen as { reservation: { token: number } }).reservation.token).toBeGreaterThan(token);
    expect(await documents.check("1", { session: "s1", token })).toMatchObject({
      status: "other",
      holder: { owner: ben.owner },
      last: { how: "stolen", by: ben.owner, reason: "urgent" },
    });
    expect(await documents.steal("2", { by, session })).toEqual({ status: "free" });
  });

  test("a forced release leaves it to nobody", async () => {
    const { documents } = setUp();
    const token = await tokenFor(documents, "1");
    expect(await documents.forceRelease("1", { by: "admin", reason: "left", expected: token })).toMatchObject({
      status: "forced",
      previous: { token },
    });
    expect(await documents.forceRelease("1", { by: "admin" })).toEqual({ status: "free" });
    expect(await documents.check("1", { session: "s1", token })).toMatchObject({
      status: "free",
      last: { how: "forced", by: { id: "admin" }, reason: "left" },
    });
  });
});

describe("list", () => {
  test("gives everything page by page, or what one session or owner has", async () => {
    const { documents } = setUp();
    const items = Array.from({ length: 150 }, (_, index) => String(index).padStart(3, "0"));
    await documents.reserve(items.slice(0, 100), anna);
    await documents.reserve(items.slice(100), ben);
    const all: string[] = [];
    for await (const { item } of documents.list()) all.push(item);
    expect(all).toEqual(items);
    expect((await documents.page({ of: { session: "s2" } })).reservations).toHaveLength(50);
    expect((await documents.page({ of: { owner: "u1" }, count: 10 })).reservations.map(({ item }) => item)).toEqual(
      items.slice(0, 10),
    );
    expect(await documents.getEach(["000", "149", "nothing"])).toMatchObject([{ item: "000" }, { item: "149" }]);
  });
});

describe("changes", () => {
  test("are told to listeners of every instance in order, once somebody listens", async () => {
    const clock = new FakeClock();
    const name = anotherName();
    const [one, two] = [instanceOn(name, clock), instanceOn(name, clock)];
    const [here, there] = [one.room.define("document"), two.room.define("document")];
    expect(there.heard).toBe(false);
    const changes: ReservationChange[] = [];
    const end = there.on("change", (change) => void changes.push(change));
    await there.following();
    const token = await tokenFor(here, "1");
    await here.steal("1", { by: ben.owner, session: "s2", reason: "urgent" });
    await here.forceRelease("1", { by: "admin" });
    await here.reserve("2", { ...anna, details: [1] });
    await here.release("2", { session: "s1" });
    await clock.advanceAsync(600);
    expect(changes).toMatchObject([
      { kind: "reserved", item: "1", reservation: { token } },
      { kind: "stolen", by: ben.owner, previous: { owner: anna.owner }, reservation: { owner: ben.owner } },
      { kind: "forced", by: { id: "admin" } },
      { kind: "reserved", item: "2", reservation: { details: [1] } },
      { kind: "released", item: "2" },
    ]);
    expect([one.feeds(), two.feeds()]).toEqual([0, 1]);
    end();
    expect(there.heard).toBe(false);
  });

  test("that were lost are not told once more as if they held: whoever listens lists anew", async () => {
    const { one, documents, clock } = setUp();
    const told: string[] = [];
    documents.on("change", ({ kind, item }) => void told.push(`${kind} ${item}`));
    documents.on("reset", ({ reason }) => void told.push(reason));
    await documents.following();
    await documents.reserve(["1", "2"], anna);
    await clock.advanceAsync(600);
    one.loseLogs();
    await clock.advanceAsync(5_000);
    await documents.reserve("3", ben);
    await clock.advanceAsync(600);
    expect(told).toEqual(["reserved 1", "reserved 2", "fork", "reserved 3"]);
  });

  test("tell of each expiry once, whichever instance finds it", async () => {
    const clock = new FakeClock();
    const name = anotherName();
    const instances = [instanceOn(name, clock), instanceOn(name, clock), instanceOn(name, clock)];
    const registries = instances.map(({ room }) => room.define("document", { lease: "10s" }));
    const changes: ReservationChange[] = [];
    for (const registry of registries) {
      registry.on("change", (change) => void (change.kind === "expired" && changes.push(change)));
      await registry.following();
    }
    await registries[0]?.reserve(["1", "2"], anna);
    await clock.advanceAsync(9_000);
    expect(changes).toEqual([]);
    await clock.advanceAsync(9_000);
    // Each of the three instances hears of each of the two.
    expect(changes.map(({ item }) => item).toSorted()).toEqual(["1", "1", "1", "2", "2", "2"]);
    expect(instances.reduce((sum, { room }) => sum + room.stats().expired, 0)).toBe(2);
  });

  test("are looked for where somebody only listens", async () => {
    const clock = new FakeClock();
    const name = anotherName();
    const [gone, listens] = [instanceOn(name, clock), instanceOn(name, clock)];
    await gone.room.define("document", { lease: "10s" }).reserve("1", anna);
    await gone.room.close();
    const registry = listens.room.define("document", { lease: "10s" });
    const kinds: string[] = [];
    registry.on("change", ({ kind }) => void kinds.push(kind));
    await registry.following();
    await clock.advanceAsync(30_000);
    expect(kinds).toEqual(["expired"]);
    // As long as that is so, whatever time passes without a call.
    await clock.advanceAsync(10 * 60_000);
    const calls = vi.spyOn(MemoryReservationStore.prototype, "reap");
    onTestFinished(() => void vi.restoreAllMocks());
    await clock.advanceAsync(60_000);
    expect(calls.mock.calls.length).toBeGreaterThanOrEqual(10);
  });

  test.each<[what: string, error: Error, logged: readonly string[]]>([
    ["a backend that is away, which says so elsewhere", new UnavailableError("no server"), []],
    ["anything else", new CorruptDataError("what is that"), ["WARN_FLEET_RESERVATION_REAP"]],
  ])("go on to be looked for after %s", async (_what, error, logged) => {
    const { one, documents, clock } = setUp({ lease: "2s" });
    await documents.reserve("1", anna);
    vi.spyOn(MemoryReservationStore.prototype, "reap").mockRejectedValueOnce(error);
    onTestFinished(() => void vi.restoreAllMocks());
    await clock.advanceAsync(15_000);
    expect(one.logged).toEqual(logged);
    expect(one.room.stats().expired).toBe(1);
  });

  test("are looked for until nothing is left, at once", async () => {
    const { one, documents, clock } = setUp({ lease: "2s" });
    await documents.reserve("1", anna);
    const reap = vi.spyOn(MemoryReservationStore.prototype, "reap");
    onTestFinished(() => void vi.restoreAllMocks());
    reap.mockResolvedValueOnce({ expired: 0, more: true }).mockResolvedValueOnce({ expired: 100, more: true });
    await clock.advanceAsync(7_000);
    expect(one.room.stats().expired).toBe(101);
  });

  test("of a registry that rests are looked for once a minute", async () => {
    const { documents, clock, one } = setUp({ lease: "2m" });
    await documents.reserve("1", anna);
    await clock.advanceAsync(10 * 60_000);
    expect(one.room.stats().expired).toBe(1);
  });
});

describe("sessions", () => {
  test("release what they have in every registry when they end", async () => {
    const { one, documents } = setUp();
    const invoices = one.room.define("invoice");
    await documents.reserve(["1", "2"], anna);
    await invoices.reserve("7", anna);
    await documents.reserve("3", ben);
    await one.watch.end("s1");
    expect((await documents.page()).reservations).toMatchObject([{ item: "3" }]);
    expect((await invoices.page()).reservations).toEqual([]);
  });

  test("keep what they have, with its token, when they get another identifier", async () => {
    const { one, documents } = setUp();
    const token = await tokenFor(documents, "1");
    await one.watch.rotate("s1", "s9");
    expect(await documents.check("1", { session: "s9", token })).toMatchObject({ status: "held" });
    expect(await documents.heartbeat("s9")).toMatchObject({ status: "held" });
    expect(await documents.check("1", { session: "s1", token })).toMatchObject({ status: "other" });
  });

  test("end without an error when nothing can be released, which is logged", async () => {
    const { one, documents } = setUp();
    await documents.close();
    await one.watch.end("s1");
    expect(one.logged).toEqual(["WARN_FLEET_RESERVATION_SESSION"]);
  });

  test("do not wait for a backend that does not answer longer than two seconds", async () => {
    const { one, clock } = setUp();
    vi.spyOn(MemoryReservationStore.prototype, "releaseAll").mockReturnValue(new Promise(() => undefined));
    onTestFinished(() => void vi.restoreAllMocks());
    let ended = false;
    const ending = one.watch.end("s1").then(() => (ended = true));
    await clock.advanceAsync(1_999);
    expect(ended).toBe(false);
    await clock.advanceAsync(1);
    await ending;
    expect(one.logged).toEqual(["WARN_FLEET_RESERVATION_SESSION"]);
  });

  test("are not watched any more after the close, and calls are refused", async () => {
    const { one, documents } = setUp();
    await documents.reserve("1", anna);
    await one.room.close();
    expect(one.watch.listeners).toBe(0);
    await expect(documents.reserve("1", anna)).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    expect(() => one.room.define("invoice")).toThrow(/closed/);
    expect(() => documents.on("change", () => undefined)).toThrow(/closed/);
  });
});
