import type { Clock } from "../core/clock.js";
import type { Counters } from "../core/diagnostics.js";
import { CorruptDataError } from "../core/errors.js";
import { SessionConflictError } from "./errors.js";
import type { SessionAddress } from "./identifier.js";
import type { Merge, SessionFields } from "./merge.js";
import { parseObject } from "./record.js";
import type { DestroyResult, SessionStore, WriteId } from "./session-store.js";
import { TurnQueue, type Turn } from "./turn-queue.js";

/** What is stored of a session, as far as this process knows; the base that a save is compared with. */
export interface Snapshot {
  readonly created: number;
  readonly version: number;
  /** Milliseconds. */
  readonly idle: number;
  /** JSON texts. */
  readonly cookie: string;
  readonly payload: string;
}

/** What a save wants to store. */
export type SaveContent = Pick<Snapshot, "idle" | "cookie" | "payload">;

/** What a save is to do, decided anew when its turn comes. */
export type SavePlan =
  | { readonly kind: "nothing" }
  /** Creates, or replaces whole; `absolute` in milliseconds from now, 0 for never. */
  | { readonly kind: "put"; readonly content: SaveContent; readonly absolute: number }
  | { readonly kind: "update"; readonly content: SaveContent; readonly base: Snapshot };

export type SaveOutcome =
  | { readonly status: "nothing" }
  /** `merged`: the snapshot also holds what others wrote since the base. */
  | { readonly status: "saved"; readonly snapshot: Snapshot; readonly merged: boolean }
  | { readonly status: "gone" };

/** One save, as the coordinator asks for it. */
export interface SaveRequest {
  /** What to do when nobody is before it. */
  readonly plan: SavePlan;
  /** What to do once it has waited for others. */
  readonly replan: () => SavePlan;
  /** Told how `plan` ended before the next save of the session is planned, which starts from there. */
  readonly ended: (outcome: SaveOutcome, plan: SavePlan) => void;
}

/** What the coordinator counts. */
export type SaveCounter = "saves" | "conflicts" | "merges" | "destroys";

export interface SaveCoordinatorOptions {
  readonly store: SessionStore;
  readonly merge: Merge;
  readonly clock: Clock;
  readonly counters: Counters<SaveCounter>;
  /** Names this process' writes. */
  readonly processId: string;
  /** Milliseconds until a save ends, whatever happens. */
  readonly deadline: number;
}

/**
 * Lets one write of a session be in flight in this process; the others wait and go next, in order.
 *
 * A write that meets a newer version is merged with it and tried again at once, until its deadline. One that finds that
 * its predecessor here has just written is merged before it is sent, so that it needs one trip.
 */
export class SaveCoordinator {
  readonly #options: SaveCoordinatorOptions;
  /** A line's state is what this process wrote last. */
  readonly #turns: TurnQueue<Snapshot>;
  #sequence = 0;

  constructor(options: SaveCoordinatorOptions) {
    this.#options = options;
    this.#turns = new TurnQueue(options.clock, options.deadline);
  }

  /**
   * Saves one session when its turn has come.
   *
   * Rejects with what the store rejects with; with `TimeoutError` (`executed: "no"`) when its turn did not come in time;
   * with `SessionConflictError` when the merge refuses.
   */
  save(address: SessionAddress, { plan, replan, ended }: SaveRequest): Promise<SaveOutcome> {
    const waits = this.#turns.busy(address.selector);
    return this.#turns.run(address.selector, async (turn) => {
      const current = waits ? replan() : plan;
      const outcome = await this.#carryOut(turn, address, current);
      ended(outcome, current);
      return outcome;
    });
  }

  /** Ends a session, after the writes of this process that are before it. */
  destroy(address: SessionAddress): Promise<DestroyResult> {
    return this.#turns.run(address.selector, async (turn) => {
      const write = this.#nextWrite();
      const result = await turn.send(() => this.#options.store.destroy({ ...address, write }));
      this.#options.counters.add("destroys");
      return result;
    });
  }

  /** Resolves when nothing is in flight and nobody waits. */
  settle(): Promise<void> {
    return this.#turns.settle();
  }

  #carryOut(
    turn: Turn<Snapshot>,
    address: SessionAddress,
    plan: SavePlan,
  ): Promise<SaveOutcome> | Extract<SaveOutcome, { status: "nothing" }> {
    if (plan.kind === "nothing") return { status: "nothing" };
    return plan.kind === "put" ? this.#put(turn, address, plan) : this.#update(turn, address, plan);
  }

  async #put(
    turn: Turn<Snapshot>,
    address: SessionAddress,
    plan: Extract<SavePlan, { kind: "put" }>,
  ): Promise<SaveOutcome> {
    const { content, absolute } = plan;
    const write = this.#nextWrite();
    const result = await turn.send(() => this.#options.store.put({ ...address, ...content, absolute, write }));
    if (result.status === "gone") return { status: "gone" };
    if (result.status === "superseded") throw superseded();
    this.#options.counters.add("saves");
    const { created, version } = result;
    return saved(turn, { ...content, created, version }, false);
  }

  async #update(
    turn: Turn<Snapshot>,
    address: SessionAddress,
    plan: Extract<SavePlan, { kind: "update" }>,
  ): Promise<SaveOutcome> {
    const { store, counters } = this.#options;
    let { base, content } = plan;
    let merged = false;
    const mergeWith = (theirs: Snapshot): void => {
      content = this.#merge(base, content, theirs);
      base = theirs;
      merged = true;
      counters.add("merges");
    };
    const latest = turn.state;
    if (latest !== undefined && latest.created === base.created && latest.version > base.version) mergeWith(latest);
    for (;;) {
      const cookie = content.cookie === base.cookie ? undefined : content.cookie;
      const payload = content.payload === base.payload ? undefined : content.payload;
      // Only after a merge: what I wanted to write is what is there.
      if (merged && cookie === undefined && payload === undefined && content.idle === base.idle)
        return saved(turn, base, true);
      const { created, version: baseVersion } = base;
      const params = {
        ...address,
        created,
        baseVersion,
        idle: content.idle,
        cookie,
        payload,
        write: this.#nextWrite(),
      };
      const result = await turn.send(() => store.update(params));
      switch (result.status) {
        case "done":
          counters.add("saves");
          return saved(turn, { ...content, created, version: result.version }, merged);
        case "conflict":
          counters.add("conflicts");
          mergeWith(result.record);
          break;
        case "gone":
          return { status: "gone" };
        case "superseded":
          throw superseded();
      }
    }
  }

  #merge(base: Snapshot, mine: SaveContent, theirs: Snapshot): SaveContent {
    return {
      payload: this.#mergePayloads(base.payload, mine.payload, theirs.payload),
      cookie: mine.cookie === base.cookie ? theirs.cookie : mine.cookie,
      idle: mine.idle === base.idle ? theirs.idle : mine.idle,
    };
  }

  #mergePayloads(base: string, mine: string, theirs: string): string {
    if (theirs === base) return mine;
    if (mine === base) return theirs;
    const result = this.#options.merge(fieldsOf(base), fieldsOf(mine), fieldsOf(theirs));
    if (result.status === "merged") return JSON.stringify(result.fields);
    const { field } = result;
    throw new SessionConflictError(`another request changed ${JSON.stringify(field)} of the same session`, field);
  }

  #nextWrite(): WriteId {
    this.#sequence += 1;
    return { processId: this.#options.processId, sequence: this.#sequence };
  }
}

function saved(turn: Turn<Snapshot>, snapshot: Snapshot, merged: boolean): SaveOutcome {
  turn.state = snapshot;
  return { status: "saved", snapshot, merged };
}

function fieldsOf(payload: string): SessionFields {
  const fields = parseObject(payload);
  if (fields === undefined)
    throw new CorruptDataError("another process stored a session whose fields are no JSON object");
  return fields;
}

function superseded(): SessionConflictError {
  return new SessionConflictError("a later write of this process is stored already; this one changed nothing");
}
