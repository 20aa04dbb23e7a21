/** How long to wait before each attempt; milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly base: number;
  /** Upper bound of every wait. */
  readonly cap: number;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
}

/** The waits of one sequence of attempts. */
export interface Backoff {
  /** The next wait in milliseconds, anywhere between 0 and a bound that doubles with each call up to the cap. */
  next(): number;
  /** Begins anew at the base, after a success. */
  reset(): void;
}

/**
 * Exponential backoff with full jitter: waits are spread evenly over the whole range, so that clients which failed
 * together do not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 */
export function backoff(options: BackoffOptions): Backoff {
  const { cap, random = Math.random } = options;
  const first = Math.min(options.base, cap);
  let bound = first;
  return {
    next() {
      const wait = random() * bound;
      bound = Math.min(cap, bound * 2);
      return wait;
    },
    reset() {
      bound = first;
    },
  };
}
