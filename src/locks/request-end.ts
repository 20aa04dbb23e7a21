import { backoff, type Backoff } from "../core/backoff.js";
import { ClosedError } from "../core/errors.js";
import type { LockRoom } from "./lock-room.js";
import type { LockRequest } from "./lock-store.js";

// Whatever the request holds or waits for has ended by itself by then.
const longest = 40_000;
const callOptions = { deadline: 2_000 };

/** The end of a request, tried until the backend has answered, a newer request takes its place, or it is over anyway. */
export class RequestEnd {
  /** Resolves when the first try has ended, well or not. */
  readonly first: Promise<void>;
  /** Nobody may get the lock for some time, so that a newer request must not end this one before it has arrived. */
  readonly isKeeping: boolean;
  readonly #room: LockRoom;
  readonly #request: LockRequest;
  readonly #keep: number;
  readonly #began: number;
  readonly #onDone: (end: RequestEnd) => void;
  #retry: Backoff | undefined;
  #isOver = false;

  constructor(room: LockRoom, request: LockRequest, keep: number, onDone: (end: RequestEnd) => void) {
    this.#room = room;
    this.#request = request;
    this.#keep = keep;
    this.isKeeping = keep > 0;
    this.#onDone = onDone;
    this.#began = room.clock.monotonic();
    this.first = this.#attempt();
  }

  /** No more tries. */
  giveUp(): void {
    this.#isOver = true;
  }

  #attempt(): Promise<void> {
    const left = Math.max(0, Math.ceil(this.#keep - this.#passed()));
    return this.#room.store.end(this.#request, left, callOptions).then(
      () => this.#done(),
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    if (error instanceof ClosedError || this.#passed() > longest) return this.#done();
    this.#retry ??= backoff({ base: 100, cap: 1_000 });
    this.#room.clock.setTimeout(() => {
      if (!this.#isOver) void this.#attempt();
    }, this.#retry.next());
  }

  #passed(): number {
    return this.#room.clock.monotonic() - this.#began;
  }

  #done(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onDone(this);
  }
}
