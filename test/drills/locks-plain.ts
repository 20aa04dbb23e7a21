import { createHash, randomBytes } from "node:crypto";
import type { RedisBackend } from "../../src/backend/backend.js";
import { openBackend } from "../../src/backend/open-backend.js";
import type { Script } from "../../src/backend/script.js";
import { systemClock } from "../../src/core/clock.js";
import { FleetError } from "../../src/core/errors.js";
import type { LossReason } from "../../src/locks/index.js";
import { sharedNow, type LocksPlan } from "./locks-protocol.js";

function script<K extends string, A extends string>(name: string, keys: K[], args: A[], source: string) {
  const sha1 = createHash("sha1").update(source).digest("hex");
  return { name, keys, args, source, sha1, readOnly: false } as Script<K, A, readonly ["OK" | "BUSY"]>;
}

const set = script(
  "drill/set",
  ["key"],
  ["holder", "lease"],
  `if redis.call("GET", KEYS[1]) == ARGV[1] or redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
    return { "OK" }
  end
  return { "BUSY" }`,
);
const compareAndDelete = script(
  "drill/compare-and-delete",
  ["key"],
  ["holder"],
  `if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
  return { "OK" }`,
);
const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };
const askEvery = 20;
const margin = 12;

/** A lock as a plain `SET NX PX` is one: held for one lease, and given back only by whoever has it. */
class PlainLock {
  /** Rises, as nothing of the lock does: only its overlaps are judged. */
  readonly token = Math.round(sharedNow() * 1_000);
  readonly lost: { readonly reason: LossReason } | undefined = undefined;
  readonly #until: number;
  readonly #giveBack: () => Promise<unknown>;
  #isReleased = false;

  constructor(until: number, giveBack: () => Promise<unknown>) {
    this.#until = until;
    this.#giveBack = giveBack;
  }

  get held(): boolean {
    return !this.#isReleased && sharedNow() < this.#until;
  }

  async release(): Promise<boolean> {
    this.#isReleased = true;
    await this.#giveBack().catch(() => undefined);
    return true;
  }
}

/** What most services use for a lock: the drill must find it at fault where ours is not. */
export class PlainLocks {
  readonly #backend: RedisBackend;
  readonly #lease: number;

  constructor({ config, namespace, member, options }: LocksPlan) {
    const { kind, nodes, sentinel } = config;
    this.#lease = Number(options.lease);
    this.#backend = openBackend({
      config: {
        kind,
        nodes,
        ...(sentinel === undefined ? {} : { sentinel }),
        database: 0,
        maxPending: 10_000,
        timeouts,
      },
      namespace,
      instance: member,
      instanceId: `${member}-${process.pid}`,
      clock: systemClock,
      onListenerError: (error) => console.error(error),
    }) as RedisBackend;
  }

  ready(): Promise<void> {
    return this.#backend.ready();
  }

  /** Asks until it is had; rejects as a call to the backend does, and when `wait` is over. */
  async acquire(name: string, { wait }: { readonly wait: number }): Promise<PlainLock> {
    const end = sharedNow() + wait;
    while (sharedNow() < end) {
      const result = await this.tryAcquire(name);
      if (result.acquired) return result.lock;
      await new Promise((resolve) => setTimeout(resolve, askEvery * (0.5 + Math.random())));
    }
    throw new FleetError("ERR_FLEET_LOCK_TIMEOUT", `the lock ${name} was not to be had`);
  }

  async tryAcquire(
    name: string,
  ): Promise<{ readonly acquired: true; readonly lock: PlainLock } | { readonly acquired: false }> {
    const holder = randomBytes(9).toString("base64url");
    const keys = { key: this.#backend.keys.key("plain", name, "lock") };
    const until = sharedNow() + this.#lease * 0.99 - margin;
    const [status] = await this.#backend.run(set, { keys, args: { holder, lease: this.#lease } });
    if (status === "BUSY") return { acquired: false };
    const giveBack = (): Promise<unknown> => this.#backend.run(compareAndDelete, { keys, args: { holder } });
    return { acquired: true, lock: new PlainLock(until, giveBack) };
  }

  steal(): Promise<never> {
    return Promise.reject(new FleetError("ERR_FLEET_LOCK_BUSY", "a plain lock cannot be stolen"));
  }
}
