import type { Clock } from "../../core/clock.js";
import { ClosedError, UnavailableError } from "../../core/errors.js";
import type { BackendState } from "../backend.js";
import type { Router } from "./router.js";

export interface ReadinessOptions {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly clock: Clock;
  readonly router: Router;
  readonly state: () => BackendState;
}

/** Those who wait until calls can succeed. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #waiters = new Set<() => void>();

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Resolves once calls can succeed; rejects after `limit` milliseconds with the diagnosis, or when closed. */
  wait(limit: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        timer.cancel();
        this.#waiters.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        const state = this.#options.state();
        const answers = this.#options.router.routed().some((node) => node.connection !== undefined);
        if (state === "ready" || (state === "degraded" && answers)) settle();
        else if (state === "draining" || state === "closed") settle(new ClosedError());
      };
      this.#waiters.add(look);
      const timer = this.#options.clock.setTimeout(() => settle(this.#diagnosis(limit)), limit, { keepAlive: true });
      look();
    });
  }

  /** Something may be different. */
  look(): void {
    for (const look of [...this.#waiters]) look();
  }

  #diagnosis(waited: number): Error {
    const { kind, router } = this.#options;
    const away = router.routed().filter((node) => node.connection === undefined);
    const causes = [...away.map((node) => node.lastError), router.lastError].filter((cause) => cause !== undefined);
    const cause = causes.find((error) => (error as { retryable?: boolean }).retryable === false) ?? causes[0];
    const { code, help } = (cause ?? {}) as { code?: string; help?: string };
    const reason = cause?.message ?? "no server answered";
    return new UnavailableError(
      `the ${kind} backend was not ready within ${waited} ms: ${reason}`,
      { cause, ...(help === undefined ? {} : { help }) },
      code?.startsWith("ERR_FLEET_") === true ? code : undefined,
    );
  }
}
