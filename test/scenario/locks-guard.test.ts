import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { claim, Instance, newName, readGranted } from "../../src/testing/lock-store-fixture.js";
import { lockHarness, lockStoreOn } from "../conformance/redis-lock-harness.js";
import { openBackend as openRestricted, rejection } from "../unit/backend/open-backend.js";
import { openBackend } from "../conformance/redis-session-harness.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";

// What keeps grants away from a server that may have lost some.

let redis: SingleTopology;
let backend: RedisBackend;
beforeAll(async () => {
  redis = await startSingle();
});
beforeEach(async () => {
  backend = await openBackend(redis.config);
});
afterAll(async () => redis?.stop());

/** Gives the server another history of writes, as a restart or a promotion does, and keeps its data. */
async function forget(): Promise<void> {
  const replid = async (): Promise<string> => String((await redis.server.info("replication")).get("master_replid"));
  const before = await replid();
  // It gets a new id when it stops following somebody, which a single server does at once.
  await redis.server.command("REPLICAOF", "127.0.0.1", "1");
  await redis.server.command("REPLICAOF", "NO", "ONE");
  await until(async () => (await replid()) !== before, { what: "another history" });
}

test("nothing is granted until a lease has passed in the new history, which is found out by itself", async () => {
  const guarded = lockStoreOn(backend, { isFast: false, maxLease: 400 });
  const [name, one] = [newName(), new Instance()];
  const request = one.request(name);
  await until(async () => (await guarded.ask(request, claim())).status === "granted", { what: "the first grant" });
  await forget();
  const [other, waiter] = [new Instance().request(newName()), new Instance().request(name)];
  const refused = await guarded.ask(other, claim());
  expect(refused).toMatchObject({ status: "waiting", isGuarded: true, position: 0, holder: undefined });
  expect(refused).toHaveProperty(
    "left",
    expect.toSatisfy((left: number) => left > 0 && left <= 400),
  );
  // Who had it has it: renewals and releases go on, and nobody gets what was released.
  expect(await guarded.ask(request, claim())).toMatchObject({ status: "granted" });
  expect(await guarded.ask(waiter, claim())).toMatchObject({ status: "waiting", isGuarded: false });
  expect(await guarded.end(request, 0)).toEqual({ status: "ended" });
  expect((await guarded.inspect(name)).holder).toBeUndefined();
  const params = { name, operation: "steal", why: "{}", expected: undefined };
  expect(await guarded.steal(params, one.request(name), claim())).toMatchObject({ status: "guarded" });
  const seen = Number(backend.knownGeneration(backend.keys.key("locks", name, "lock"))?.since);
  const granted = await until(
    async () => {
      const result = await guarded.ask(waiter, claim());
      return result.status === "granted" && result;
    },
    { what: "the lease to pass" },
  );
  expect(granted.now).toBeGreaterThanOrEqual(seen + 400);
  await backend.close();
});

test("a script that was meant for the former history grants nothing, on whatever it does", async () => {
  const guarded = lockStoreOn(backend, { isFast: false, maxLease: 60_000 });
  const name = newName();
  const key = backend.keys.key("locks", name, "lock");
  const real = await backend.generation(key);
  const former = { replicationId: "0".repeat(40), since: 0 };
  let asked = 0;
  const stale = new Proxy(backend, {
    get(target, property) {
      if (property === "knownGeneration") return () => former;
      if (property === "generation")
        return (...params: Parameters<RedisBackend["generation"]>) => {
          asked += 1;
          expect(params[1]).toMatchObject({ not: former.replicationId, found: real?.replicationId });
          return target.generation(...params);
        };
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
  const store = lockStoreOn(stale, { isFast: false, maxLease: 60_000 });
  const [one, two] = [new Instance().request(name), new Instance()];
  expect(await store.ask(one, claim())).toMatchObject({ status: "waiting", isGuarded: true });
  expect(await store.ask(one, claim({ patience: 0 }))).toMatchObject({ status: "waiting", isGuarded: true });
  const steal = { name, operation: "steal", why: "{}", expected: undefined };
  expect(await store.steal(steal, two.request(name), claim())).toMatchObject({ status: "guarded" });
  expect(asked).toBe(3);
  expect((await guarded.inspect(name)).holder).toBeUndefined();
  await backend.close();
});

test("with a fast failover nothing is compared, and locks are granted at once", async () => {
  await forget();
  const fast = lockStoreOn(backend, { isFast: true, maxLease: 60_000 });
  expect(await fast.ask(new Instance().request(newName()), claim())).toMatchObject({ status: "granted" });
  await backend.close();
});

test.each(["everybody", "scripts"])(
  "a server that tells %s nothing of its history grants, which is told once",
  async (whom) => {
    await redis.server.command("ACL", "SETUSER", "blind", "reset", "on", ">pw", "~*", "&*", "+@all", "-info");
    const blind = openRestricted({ nodes: [redis.server], username: "blind", password: "pw" });
    let told = 0;
    const store = lockStoreOn(whom === "scripts" ? withHistory(blind) : blind, {
      isFast: false,
      maxLease: 60_000,
      onUnguarded: () => void (told += 1),
    });
    const [name, one] = [newName(), new Instance()];
    const request = one.request(name);
    expect(await store.ask(request, claim())).toMatchObject({ status: "granted" });
    expect(await store.endAndAsk(request, one.request(name).number, claim())).toMatchObject({ status: "granted" });
    expect(told).toBe(1);
    await blind.close();
    await backend.close();
  },
);

/** Managed servers answer INFO to clients and refuse it to scripts; access lists cannot tell the two apart. */
function withHistory(blind: RedisBackend): RedisBackend {
  return new Proxy(blind, {
    get(target, property) {
      if (property === "knownGeneration") return () => ({ replicationId: "0".repeat(40), since: 0 });
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}

test("a waiter whom nobody hears is passed over, and keeps its place", async () => {
  const harness = lockHarness(redis, backend);
  const { store, listen, settle } = harness;
  const name = newName();
  const [holder, deaf, hearing] = [
    new Instance().request(name),
    new Instance().request(name),
    new Instance().request(name),
  ];
  await store.ask(holder, claim());
  await store.ask(deaf, claim());
  const heard = await listen(hearing.process);
  await store.ask(hearing, claim());
  await store.end(holder, 0);
  await settle(hearing.process);
  expect(readGranted(heard[0]).number).toBe(hearing.number);
  expect((await store.inspect(name)).waiters.map(({ process }) => process)).toEqual([deaf.process]);
  expect(await store.ask(deaf, claim())).toMatchObject({ status: "waiting", position: 0 });
  await store.end(hearing, 0);
  // Free, and whoever comes is behind the one that is not heard.
  const late = new Instance().request(name);
  expect(await store.ask(late, claim({ patience: 0 }))).toMatchObject({
    status: "waiting",
    holder: undefined,
    left: 0,
  });
  expect(await store.ask(deaf, claim())).toMatchObject({ status: "granted" });
  await harness.close();
  await backend.close();
});

test("a store that finds only new histories gives up and says so", async () => {
  const changing = new Proxy(backend, {
    get(target, property) {
      if (property === "knownGeneration") return () => undefined;
      if (property === "generation") return async () => ({ replicationId: "f".repeat(40), since: 0 });
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
  const store = lockStoreOn(changing, { isFast: false });
  const error = await rejection(store.ask(new Instance().request(newName()), claim()));
  expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "maybe" });
  await backend.close();
});
