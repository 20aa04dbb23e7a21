import { createHash } from "node:crypto";
import { ClosedError } from "../core/errors.js";
import { Emitter } from "../core/events.js";
import type { Feed } from "../feed/feed.js";
import type { FollowedLogs } from "../feed/followed-logs.js";
import type { Follower, LogConsumer } from "../feed/follower.js";
import { comparePositions, markOrigin, type LogAddress, type LogEntry } from "../feed/log-store.js";
import { readChange, type ReservationChange } from "./reservation.js";

/** A change, and where it stands in the registry's log. */
export interface LoggedChange {
  /** Names the entry on every instance. */
  readonly id: string;
  readonly position: string;
  readonly change: ReservationChange;
}

/** What followed an entry of the log. `reset`: nobody can tell any more, and what is reserved now is to be listed anew. */
export type Replay =
  | { readonly status: "resumed"; readonly changes: readonly LoggedChange[] }
  | { readonly status: "reset"; readonly position: string; readonly id: string | undefined };

/** What a registry tells its listeners. */
export interface RegistryEvents {
  change: ReservationChange;
  /** Changes were missed: a listener that keeps a copy lists anew. */
  reset: { readonly reason: "cut" | "fork" };
}

/** What a registry's log is followed with. */
export interface RegistryLogOptions {
  /** What the feed calls the room of the log. */
  readonly room: string;
  readonly log: Pick<LogAddress, "key" | "name">;
  /** The feed on the registry's backend; asked for when somebody listens first. */
  readonly feed: () => Feed;
  readonly onListenerError: (error: unknown) => void;
  /** Told of each listener that comes. */
  readonly onHeard: () => void;
}

const pageSize = 500;
const mostReplayed = 2_000;

/** The changes of one registry, by whichever instance; nothing is followed before somebody listens. */
export class RegistryLog {
  readonly #options: RegistryLogOptions;
  readonly #events: Emitter<RegistryEvents & { entry: LoggedChange }>;
  readonly #consumer: LogConsumer;
  #followed: FollowedLogs | undefined;
  #listeners = 0;
  #closed = false;

  constructor(options: RegistryLogOptions) {
    this.#options = options;
    const events = new Emitter<RegistryEvents & { entry: LoggedChange }>(options.onListenerError);
    this.#events = events;
    this.#consumer = {
      apply(entry) {
        const change = logged(entry);
        if (change === undefined) return;
        events.emit("entry", change);
        events.emit("change", change.change);
      },
      flush: (reason) => events.emit("reset", { reason }),
    };
  }

  /** Whether anybody listens now. */
  get heard(): boolean {
    return this.#listeners > 0;
  }

  /** Calls the listener at each event from when the log is followed; the returned function ends that. */
  on<E extends keyof RegistryEvents | "entry">(
    event: E,
    listener: (payload: (RegistryEvents & { entry: LoggedChange })[E]) => void,
  ): () => void {
    if (this.#closed) throw new ClosedError();
    const end = this.#events.on(event, listener);
    let isHeard = true;
    this.#listeners += 1;
    this.#options.onHeard();
    this.#follow();
    return () => {
      if (isHeard) this.#listeners -= 1;
      isHeard = false;
      end();
    };
  }

  /** Resolves when every change from now on is told; rejects when the log cannot be read. */
  async following(): Promise<void> {
    const { position } = this.#follower;
    if (position === undefined) await this.#follower.sync();
  }

  /** What happened after the entry of that id, up to now: what is told afterwards comes later. */
  async since(id: string | undefined): Promise<Replay> {
    // From now on nothing is missed, so that nothing lies between what is read and what is told.
    await this.following();
    const changes = id === undefined ? undefined : await this.#readAfter(id);
    // What was read is applied too: should a failover lose it, that is told.
    await this.#follower.sync();
    if (changes !== undefined) return { status: "resumed", changes };
    const position = this.#follower.position as string;
    const [end] = await this.#follow().read(this.#options.log.name, position, 1);
    return { status: "reset", position, id: end === undefined ? undefined : idOf(end) };
  }

  /** Ends the listeners; from now on there are no new ones. */
  close(): void {
    this.#closed = true;
    this.#events.clear();
  }

  /** Undefined when the entry is not known any more: it was trimmed away, or a failover lost it. */
  async #readAfter(id: string): Promise<readonly LoggedChange[] | undefined> {
    const from = /^(\d{1,19}-\d{1,19})\./.exec(id)?.[1];
    if (from === undefined) return undefined;
    const changes: LoggedChange[] = [];
    for (let position = from; ;) {
      const page = await this.#follow().read(this.#options.log.name, position, pageSize);
      const [first] = page;
      if (first?.position !== position || (position === from && idOf(first) !== id)) return undefined;
      for (const entry of page.slice(1)) {
        const change = logged(entry);
        if (change !== undefined) changes.push(change);
      }
      position = (page.at(-1) as LogEntry).position;
      if (page.length < pageSize) return changes;
      // To list what is reserved now is shorter.
      if (changes.length > mostReplayed) return undefined;
    }
  }

  get #follower(): Follower {
    return this.#follow().follower(this.#options.log.name);
  }

  #follow(): FollowedLogs {
    const { room, log, feed } = this.#options;
    // A failover that loses an entry loses the change that it tells of too: both are of one script.
    const followed = { ...log, consumer: this.#consumer, reasserts: false };
    this.#followed ??= feed().follow(room, [followed], () => this.heard);
    return this.#followed;
  }
}

/** Whether a change comes after a position, as those do that were told while a part of the log was read. */
export function isAfter(change: LoggedChange, position: string): boolean {
  return comparePositions(change.position, position) > 0;
}

/** The operation too: where a failover lost the log's end, another entry may have got the position of a lost one. */
function idOf({ position, operation }: LogEntry): string {
  return `${position}.${createHash("sha256").update(operation).digest("base64url").slice(0, 8)}`;
}

function logged(entry: LogEntry): LoggedChange | undefined {
  if (entry.origin === markOrigin) return undefined;
  const change = readChange(entry.payload);
  return change === undefined ? undefined : { id: idOf(entry), position: entry.position, change };
}
