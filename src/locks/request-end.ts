import { backoff, type Backoff } from "../core/backoff.js";
import type { Timer } from "../core/clock.js";
import { ClosedError } from "../core/errors.js";
import type { LockRoom } from "./lock-room.js";
import type { LockRequest } from "./lock-store.js";

// Whatever the request holds or waits for has ended by itself by then.
const longest = 40_000;
const callOptions = { deadline: 2_000 };

/** The end of requests, tried until the backend has answered, a newer request takes their place, or they are over anyway. */
export class RequestEnd {
  /** Resolves when the first try has ended, well or not. */
  readonly first: Promise<void>;
  /** Nobody may get the lock for some time, so that a newer request must not end this one before it has arrived. */
  readonly isKeeping: boolean;
  /** Those of which the backend has not answered yet, the oldest first. */
  readonly left: LockRequest[];
  readonly #room: LockRoom;
  readonly #keep: number;
  readonly #began: number;
  readonly #onDone: (end: RequestEnd) => void;
  #retry: Backoff | undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(room: LockRoom, requests: LockRequest[], keep: number, onDone: (end: RequestEnd) => void) {
    this.#room = room;
    this.left = requests;
    this.#keep = keep;
    this.isKeeping = keep > 0;
    this.#onDone = onDone;
    this.#began = room.clock.monotonic();
    this.first = this.#attempt();
  }

  /** Milliseconds for which nobody may get the lock from now on. */
  get keep(): number {
    return Math.max(0, Math.ceil(this.#keep - this.#passed()));
  }

  /** No more tries. */
  giveUp(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #attempt(): Promise<void> {
    return this.#room.store.end(this.left[0] as LockRequest, this.keep, callOptions).then(
      () => this.#answered(),
      (error: unknown) => this.#failed(error),
    );
  }

  #answered(): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    this.left.shift();
    if (this.left.length > 0) return this.#attempt();
    this.#done();
    return undefined;
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    if (error instanceof ClosedError || this.#passed() > longest) return this.#done();
    this.#retry ??= backoff({ base: 100, cap: 1_000 });
    this.#timer = this.#room.clock.setTimeout(() => void this.#attempt(), this.#retry.next());
  }

  #passed(): number {
    return this.#room.clock.monotonic() - this.#began;
  }

  #done(): void {
    this.#isOver = true;
    this.#onDone(this);
  }
}
