import { backoff } from "../core/backoff.js";
import { ClosedError } from "../core/errors.js";
import type { LockRoom } from "./lock-room.js";
import type { LockRequest } from "./lock-store.js";

// Whatever the request holds or waits for has ended by itself by then.
const longest = 40_000;
const deadline = 2_000;

/** The end of a request, tried until the backend has answered, a newer request takes its place, or it is over anyway. */
export class RequestEnd {
  /** Resolves when the first try has ended, well or not. */
  readonly first: Promise<void>;
  /** Nobody may get the lock for some time, so that a newer request must not end this one before it has arrived. */
  readonly isKeeping: boolean;
  readonly #onDone: () => void;
  #isOver = false;

  constructor(room: LockRoom, request: LockRequest, keep: number, onDone: () => void) {
    this.isKeeping = keep > 0;
    this.#onDone = onDone;
    const began = room.clock.monotonic();
    const retry = backoff({ base: 100, cap: 1_000 });
    const attempt = (): Promise<void> => {
      const left = keep === 0 ? 0 : Math.max(0, Math.ceil(keep - (room.clock.monotonic() - began)));
      return room.store.end(request, left, { deadline }).then(
        () => this.#done(),
        (error: unknown) => {
          if (error instanceof ClosedError || room.clock.monotonic() - began > longest) return this.#done();
          if (!this.#isOver) room.clock.setTimeout(() => void (this.#isOver || attempt()), retry.next());
        },
      );
    };
    this.first = attempt();
  }

  /** No more tries. */
  giveUp(): void {
    this.#isOver = true;
  }

  #done(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onDone();
  }
}
