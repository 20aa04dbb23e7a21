import type { AnyBackend } from "../backend/backend.js";
import type { Clock } from "../core/clock.js";
import { FollowedLogs, type LogToFollow } from "./followed-logs.js";
import { gather, type GatheredAnswer } from "./gather.js";
import type { LogStore } from "./log-store.js";
import { Mailbox } from "./mailbox.js";
import { createMemoryLogStore } from "./memory-log-store.js";
import { createMemoryRosterStore } from "./memory-roster-store.js";
import { createRedisLogStore } from "./redis-log-store.js";
import { createRedisRosterStore } from "./redis-roster-store.js";
import { Roster, type Instance, type InstanceDetails } from "./roster.js";

/** What a feed is made of. */
export interface FeedOptions {
  readonly backend: AnyBackend;
  readonly clock: Clock;
  readonly details: () => InstanceDetails;
  readonly onDiffer: (other: Instance, parts: readonly string[]) => void;
  /** Told when a handler of letters fails, or the backend refuses the roster. */
  readonly onError: (error: unknown, what: "letter" | "roster") => void;
}

/** Counted since start, by this instance. */
export interface FeedStats {
  /** Hints that did not follow what was applied. */
  readonly gaps: number;
  readonly cuts: number;
  readonly forks: number;
  /** Entries that a failover had lost and this instance appended again. */
  readonly reassertions: number;
}

/** How the instances on one backend hear of each other: logs, letters, and who lives. */
export class Feed {
  readonly mailbox: Mailbox;
  readonly roster: Roster;
  readonly #options: FeedOptions;
  readonly #store: LogStore;
  readonly #followed = new Map<string, FollowedLogs>();
  readonly #counted = { gap: 0, cut: 0, fork: 0, reassertion: 0 };

  constructor(options: FeedOptions) {
    this.#options = options;
    const { backend, clock, details, onDiffer, onError } = options;
    const isMemory = backend.kind === "memory";
    this.#store = isMemory ? createMemoryLogStore(backend) : createRedisLogStore(backend);
    this.mailbox = new Mailbox({ backend, clock, onError: (error) => onError(error, "letter") });
    this.roster = new Roster({
      store: isMemory ? createMemoryRosterStore(backend) : createRedisRosterStore(backend),
      clock,
      id: backend.instanceId,
      details,
      positions: () => this.#positions(),
      onDiffer,
      onRefused: (error) => onError(error, "roster"),
      listening: this.mailbox.listening,
    });
  }

  /** Follows the logs of a room; `busy` says whether what was learned from them is in use. Once for each room. */
  follow(room: string, logs: readonly LogToFollow[], busy: () => boolean): FollowedLogs {
    if (this.#followed.has(room)) throw new TypeError(`the logs of ${room} are followed already`);
    const { backend, clock } = this.#options;
    const followed = new FollowedLogs({
      backend,
      store: this.#store,
      clock,
      channel: backend.keys.hintChannel(room),
      logs,
      busy,
      count: (what) => {
        this.#counted[what] += 1;
      },
    });
    this.#followed.set(room, followed);
    return followed;
  }

  /** Asks every living instance, and waits for all of them or `limit` milliseconds. */
  gather(room: string, kind: string, payload: string, limit: number): Promise<readonly GatheredAnswer[]> {
    return gather(this, room, kind, payload, limit);
  }

  stats(): FeedStats {
    const { gap, cut, fork, reassertion } = this.#counted;
    return { gaps: gap, cuts: cut, forks: fork, reassertions: reassertion };
  }

  /** Ends all of it and leaves the roster; never rejects. */
  async close(): Promise<void> {
    for (const followed of this.#followed.values()) followed.close();
    this.mailbox.close();
    await this.roster.close();
  }

  #positions(): Readonly<Record<string, string>> {
    const positions: Record<string, string> = {};
    for (const [room, followed] of this.#followed) {
      for (const [name, position] of followed.positions()) positions[`${room}/${name}`] = position;
    }
    return positions;
  }
}
