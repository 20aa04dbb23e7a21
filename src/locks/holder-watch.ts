import type { Clock, Timer } from "../core/clock.js";
import type { Logger } from "../core/logger.js";
import type { LockHolder } from "./lock-notes.js";
import type { LockInspection } from "./lock-views.js";

/** What it takes to watch a lock. */
export interface HolderWatchOptions {
  readonly locks: { inspect(name: string): Promise<LockInspection> };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds; it is looked at three times in that. */
  readonly lease: number;
}

/** Calls the listener with whoever has a lock, now and whenever that changes; the returned function ends it. */
export function watchHolder(
  name: string,
  { locks, clock, logger, lease }: HolderWatchOptions,
  listener: (holder: LockHolder | undefined) => void,
): () => void {
  let [timer, last, isOver]: [Timer | undefined, string | undefined, boolean] = [undefined, undefined, false];
  const tell = (holder: LockHolder | undefined): void => {
    try {
      listener(holder);
    } catch (error) {
      logger.error({ code: "WARN_FLEET_LISTENER", err: error }, "a listener failed");
    }
  };
  const look = async (): Promise<void> => {
    const seen = await locks.inspect(name).catch(() => undefined);
    if (isOver) return;
    // Whoever cannot be asked is not known to have changed.
    if (seen !== undefined && last !== `${seen.holder?.token}`) {
      last = `${seen.holder?.token}`;
      tell(seen.holder);
    }
    if (!isOver) timer = clock.setTimeout(() => void look(), lease / 3);
  };
  void look();
  return () => {
    isOver = true;
    timer?.cancel();
  };
}
