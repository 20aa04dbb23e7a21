import { hash, randomBytes } from "node:crypto";
import type { RedisBackend } from "../../src/backend/backend.js";
import type { Script } from "../../src/backend/script.js";
import { FailoverGuard } from "../../src/locks/failover-guard.js";
import { RedisLockStore } from "../../src/locks/redis-lock-store.js";
import type { FillableLockStoreHarness } from "../../src/testing/lock-store-suite.js";
import type { Topology } from "../support/servers/topology.js";
import { until } from "../support/until.js";
import { sessionHarness } from "./redis-session-harness.js";

const source = "return { redis.call('SET', KEYS[1], ARGV[1]).ok }";
const plantText: Script<"key", "text", readonly ["OK"]> = {
  name: "test/plant",
  source,
  sha1: hash("sha1", source),
  keys: ["key"],
  args: ["text"],
  readOnly: false,
};

const removeSource = "redis.call('DEL', KEYS[1]) return { 'OK' }";
const removeKey: Script<"key", never, readonly ["OK"]> = {
  name: "test/remove",
  source: removeSource,
  sha1: hash("sha1", removeSource),
  keys: ["key"],
  args: [],
  readOnly: false,
};

/** A store on a backend; with `isFast` false, what a failover may have lost is waited for. */
export function lockStoreOn(
  backend: RedisBackend,
  { isFast = true, maxLease = 0, onUnguarded = (): void => undefined } = {},
): RedisLockStore {
  return new RedisLockStore(backend, new FailoverGuard({ backend, maxLease, isFast, onUnguarded }));
}

/** What the suites of the lock port need, on real servers. */
export function lockHarness(topology: Topology, backend: RedisBackend): FillableLockStoreHarness {
  const { elapse, fill, drain } = sessionHarness(topology, backend);
  const { keys } = backend;
  const ends: (() => void)[] = [];
  const heard = new Map<string, string[]>();
  return {
    // Guarded, as locks are unless somebody says otherwise; the servers have run for longer than that.
    store: lockStoreOn(backend, { isFast: false }),
    elapse,
    plant: async (name, text) => {
      const key = keys.key("locks", name, "lock");
      if (text === undefined) await backend.run(removeKey, { keys: { key }, args: {} });
      else await backend.run(plantText, { keys: { key }, args: { text } });
    },
    plantRegister: async (register, text) => {
      await backend.run(plantText, { keys: { key: keys.key("locks", register, "register") }, args: { text } });
    },
    listen: async (process) => {
      const letters: string[] = [];
      let listens = false;
      const channel = keys.mailChannel(process);
      const all: string[] = [];
      heard.set(process, all);
      const message = (text: string): void => {
        all.push(text);
        if (!text.startsWith("mark|")) letters.push(text);
      };
      ends.push(backend.subscribe(channel, { message, gap: () => (listens = true) }));
      await until(() => listens, { what: "the mailbox to be heard", every: 1 });
      return letters;
    },
    settle: async (process) => {
      const marks: string[] = [];
      const mark = (): string => marks[marks.push(`mark|${randomBytes(6).toString("hex")}`) - 1] as string;
      const channel = keys.mailChannel(process);
      // What two nodes of a cluster send may overtake one another, so that each has to be heard.
      if (topology.kind !== "cluster") await backend.publish(channel, mark());
      else
        await Promise.all(topology.dataServers.map((server) => topology.command(server, "PUBLISH", channel, mark())));
      await until(() => marks.every((each) => heard.get(process)?.includes(each)), { what: "the letters", every: 1 });
    },
    fill,
    drain,
    close: async () => {
      for (const end of ends) end();
    },
  };
}
