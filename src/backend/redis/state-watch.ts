import type { Clock } from "../../core/clock.js";
import type { BackendEvents, BackendState } from "../backend.js";
import type { Router } from "./router.js";

const troubleRemembered = 30_000;

/**
 * Derives the backend's state from its nodes.
 *
 * A lost server makes it `degraded` while calls still wait for it, and `down` only when every breaker is open: a failover
 * of a few seconds must not make a balancer take every instance out.
 */
export class StateWatch {
  readonly #clock: Clock;
  readonly #router: Router;
  readonly #hearing: () => Error | undefined;
  readonly #onChange: (change: BackendEvents["state"]) => void;
  #state: BackendState = "starting";
  #trouble: { readonly at: number; readonly reason: string } | undefined;

  /** `hearing` says why messages are not heard although somebody wants them to be. */
  constructor(
    clock: Clock,
    router: Router,
    hearing: () => Error | undefined,
    onChange: (change: BackendEvents["state"]) => void,
  ) {
    this.#clock = clock;
    this.#router = router;
    this.#hearing = hearing;
    this.#onChange = onChange;
  }

  get state(): BackendState {
    // Nothing happens at the end of the thirty seconds that would make us look.
    if (this.#state === "degraded") this.look();
    return this.#state;
  }

  /** A connected server does not do what it is asked for; remembered for half a minute. */
  trouble(reason: string): void {
    this.#trouble = { at: this.#clock.monotonic(), reason };
    this.look();
  }

  /** Looks at the nodes and tells when the state is another. */
  look(): void {
    if (this.#state === "draining" || this.#state === "closed") return;
    const [to, reason] = this.#judge();
    this.#become(to, reason);
  }

  /** The last states; from them there is no way back. */
  end(to: "draining" | "closed"): void {
    if (this.#state !== "closed") this.#become(to, "the fleet is closing");
  }

  #judge(): readonly [BackendState, string] {
    const nodes = this.#router.routed();
    const connected = nodes.filter((node) => node.connection !== undefined);
    const away = nodes.filter((node) => node.connection === undefined);
    const fatal = away.find((node) => node.fatal !== undefined)?.fatal ?? fatalOf(this.#router.lastError);
    if (connected.length === 0) {
      if (fatal !== undefined) return ["fatal", fatal.message];
      const down = nodes.length === 0 ? this.#router.breaker.open : nodes.every((node) => node.breaker.open);
      const reason =
        (away[0]?.lastError ?? this.#router.lastError)?.message ??
        (away[0] === undefined ? "no server is known yet" : `${away[0].id} is away`);
      if (down) return ["down", reason];
      return [this.#state === "starting" || this.#state === "fatal" ? "starting" : "degraded", reason];
    }
    const missing = away[0];
    if (missing !== undefined) {
      // At the start every primary is waited for: a call to the missing one would find nobody.
      const state = this.#state === "starting" && !missing.breaker.open ? "starting" : "degraded";
      return [state, `${missing.id}: ${missing.lastError?.message ?? "connecting"}`];
    }
    // Calls succeed as far as the topology is known: a slot that nobody serves, or no sentinel that could name a new primary.
    const { lastError } = this.#router;
    if (lastError !== undefined) return ["degraded", lastError.message];
    const deaf = this.#hearing();
    if (deaf !== undefined) return ["degraded", `messages are not heard: ${deaf.message}`];
    const trouble = this.#trouble;
    if (trouble !== undefined && this.#clock.monotonic() - trouble.at < troubleRemembered)
      return ["degraded", trouble.reason];
    return ["ready", "every server answers"];
  }

  #become(to: BackendState, reason: string): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#onChange({ from, to, reason });
  }
}

function fatalOf(error: Error | undefined): Error | undefined {
  return (error as { retryable?: boolean } | undefined)?.retryable === false ? error : undefined;
}
