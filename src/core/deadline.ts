import type { Clock } from "./clock.js";

/** How the timer of a deadline behaves. */
export interface DeadlineOptions {
  /** Keeps the process alive until the deadline or the result; default false. */
  readonly keepAlive?: boolean;
}

/**
 * Settles as `promise` does, or rejects with `onTimeout()` once `delay` milliseconds have passed, whichever is first.
 *
 * The promise goes on after its deadline; what it then does is ignored, a rejection too. The timer is cleared on a result.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  delay: number,
  clock: Clock,
  onTimeout: () => Error,
  options: DeadlineOptions = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(onTimeout()), delay, options);
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
