import type { AnyBackend } from "../backend/backend.js";
import type { Clock } from "../core/clock.js";
import { counters } from "../core/diagnostics.js";
import type { Logger } from "../core/logger.js";
import type { Feed } from "../feed/feed.js";
import { FailoverGuard } from "./failover-guard.js";
import { resolveLockSettings, type LockGuarantee, type LocksOptions } from "./lock-options.js";
import { LockRoom, lockCounters } from "./lock-room.js";
import type { LocksOfInstance } from "./lock-views.js";
import { LockManager, type LockLevel } from "./locks.js";
import { MemoryLockStore } from "./memory-lock-store.js";
import { RedisLockStore } from "./redis-lock-store.js";

/** What the locks of a fleet are made of. */
export interface CreateLocksOptions {
  readonly backend: AnyBackend;
  readonly options: LocksOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The name of the instance. */
  readonly instance: string;
  /** The feed on the same backend, asked for when a lock is first used. */
  readonly feed: () => Feed;
}

const gatherLimit = 2_000;

/** Makes the locks of a fleet; nothing is opened or sent before one is used. Throws `ConfigError` for options that cannot be used. */
export function createLocks({ backend, options, clock, logger, instance, feed }: CreateLocksOptions): LockManager {
  const settings = resolveLockSettings(options);
  const { maxLease, failover } = settings;
  const guard =
    backend.kind === "memory"
      ? undefined
      : new FailoverGuard({
          backend,
          maxLease,
          isFast: failover === "fast",
          onUnguarded: () => {
            const message =
              "the server does not let INFO be read, so that locks are not guarded after a failover: give the user the command, or rely on tokens alone";
            logger.warn({ code: "WARN_FLEET_LOCKS_UNGUARDED" }, message);
          },
        });
  const store =
    backend.kind === "memory" ? new MemoryLockStore(backend) : new RedisLockStore(backend, guard as FailoverGuard);
  const room = new LockRoom({
    store,
    clock,
    logger,
    process: backend.instanceId,
    keyOf: (name) => backend.keys.key("locks", name, "lock"),
    counters: counters(lockCounters),
    letters: () => {
      const { mailbox } = feed();
      return {
        on: (of, kind, handler) => mailbox.on(of, kind, handler),
        onGap(listener) {
          // What was told before this process heard anything is missed as well.
          void mailbox.listening.then(listener);
          return backend.on("gap", listener);
        },
      };
    },
  });
  return new LockManager({
    room,
    settings,
    instance,
    level: () => levelOf(backend.kind, guard?.isGuarding === true, settings.guarantee),
    everywhere: () => askAll(feed()),
  });
}

/** As strong as the weakest of what they rest on. */
function levelOf(kind: AnyBackend["kind"], isGuarding: boolean, guarantee: LockGuarantee): LockLevel {
  if (kind === "memory") return "memory";
  if (kind === "single" || !isGuarding) return "single";
  return guarantee;
}

async function askAll(feed: Feed): Promise<readonly LocksOfInstance[]> {
  const answers = await feed.gather("locks", "query", "", gatherLimit);
  return answers.flatMap((answer) =>
    answer.status === "answered" ? [JSON.parse(answer.answer) as LocksOfInstance] : [],
  );
}
