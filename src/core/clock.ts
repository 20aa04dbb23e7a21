/** A timer that can be cancelled; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as the library sees it, injected so that tests decide it. All values are milliseconds. */
export interface Clock {
  /** Wall clock: may jump, never decides an expiry. */
  now(): number;
  /** Monotonic: never goes back, meaningful only as a difference. */
  monotonic(): number;
  /** Calls back once after `delay`; the timer does not keep the process alive unless `keepAlive` is set. */
  setTimeout(callback: () => void, delay: number, options?: { readonly keepAlive?: boolean }): Timer;
}

// Node calls back after 1 ms when the delay does not fit 31 bits.
const longestDelay = 2 ** 31 - 1;

/** The clock of the machine; a delay above 24.8 days is cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, delay, options) {
    const handle = setTimeout(callback, Math.min(delay, longestDelay));
    if (options?.keepAlive !== true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
