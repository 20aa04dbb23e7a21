import { backoff, type Backoff } from "../core/backoff.js";
import type { Timer } from "../core/clock.js";
import { ClosedError } from "../core/errors.js";
import type { LockRoom } from "./lock-room.js";
import type { EndResult, LockRequest } from "./lock-store.js";

// Whatever the request holds or waits for has ended by itself by then.
const longest = 40_000;
const callOptions = { deadline: 2_000 };

/** The end of requests, tried until the backend has answered, a newer request takes their place, or they are over anyway. */
export class RequestEnd {
  /** Resolves when the first try has ended, well or not; false when the newest of them had nothing any more. */
  readonly first: Promise<boolean>;
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

  #attempt(): Promise<boolean> {
    return this.#room.store.end(this.left[0] as LockRequest, this.keep, callOptions).then(
      (result) => this.#answered(result),
      (error: unknown) => this.#failed(error),
    );
  }

  #answered({ status }: EndResult): Promise<boolean> | boolean {
    if (this.#isOver) return true;
    this.left.shift();
    if (this.left.length > 0) return this.#attempt();
    this.#done();
    return status === "ended";
  }

  #failed(error: unknown): boolean {
    if (this.#isOver) return true;
    if (error instanceof ClosedError || this.#passed() > longest) this.#done();
    else {
      this.#retry ??= backoff({ base: 100, cap: 1_000 });
      this.#timer = this.#room.clock.setTimeout(() => void this.#attempt(), this.#retry.next());
    }
    return true;
  }

  #passed(): number {
    return this.#room.clock.monotonic() - this.#began;
  }

  #done(): void {
    this.#isOver = true;
    this.#onDone(this);
  }
}
