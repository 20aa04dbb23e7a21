/** One request of one process for one lock; a process has one for each lock at a time, and a newer one ends the older. */
export interface LockRequest {
  /** The lock's name. */
  readonly name: string;
  /** The id of the instance. */
  readonly process: string;
  /** Rises with every request of the process, whatever the lock. */
  readonly number: number;
}

/** Whoever has a lock, as it is stored. */
export interface StoredHolder {
  /** The id of the instance; empty where a release keeps the lock for a while. */
  readonly process: string;
  readonly token: number;
  /** Milliseconds of the server's clock. */
  readonly since: number;
  /** When its lease ends unless it is renewed; milliseconds of the server's clock. */
  readonly until: number;
  /** JSON on the holder. */
  readonly notes: string;
}

/** What every call may say of itself. */
export interface LockCallOptions {
  /** Milliseconds until the call ends, whatever happens; default the backend's. */
  readonly deadline?: number | undefined;
  /** How many replicas must have it; default none. */
  readonly replicas?: "all" | number | undefined;
}

/** What a request asks for. */
export interface LockClaim {
  /** Milliseconds. */
  readonly lease: number;
  /** Milliseconds for which the request keeps its place in the queue without asking again; 0 does not wait. */
  readonly patience: number;
  /** JSON on the holder to be. */
  readonly notes: string;
}

export interface LockGrant {
  readonly status: "granted";
  readonly token: number;
  /** The last one of those that come with the grant; the next grant is above it. */
  readonly lastToken: number;
  /** Milliseconds of the server's clock at the grant, or at the call where it was granted before. */
  readonly now: number;
  /** What is left of the lease at that moment. */
  readonly lease: number;
}

export interface LockWait {
  readonly status: "waiting";
  /** How many waiting processes are ahead; undefined when the request does not wait. */
  readonly position: number | undefined;
  /** Milliseconds until the lock is free unless its holder renews or releases it. */
  readonly left: number;
  readonly now: number;
  /** Undefined where nobody has it: waiters that cannot be reached are ahead, or the failover guard holds it. */
  readonly holder: StoredHolder | undefined;
  /** A failover, or a restart, may have lost who has it: nothing is granted for `left`. */
  readonly isGuarded: boolean;
}

/** The request has ended: this is an older call that arrived late; nothing was changed. */
export interface LockEnded {
  readonly status: "ended";
}

export type AskResult = LockGrant | LockWait | LockEnded;

export type EndResult =
  /** It held or waited until now. */
  | { readonly status: "ended" }
  /** It had lost the lock, or its place. */
  | { readonly status: "gone" };

export type RenewResult =
  | { readonly status: "renewed"; readonly now: number }
  | {
      readonly status: "lost";
      readonly holder: StoredHolder | undefined;
      /** How it was taken by force, if it was. */
      readonly force: LockForce | undefined;
    };

/** How a lock was taken from a request. */
export interface LockForce {
  readonly process: string;
  readonly number: number;
  readonly kind: "stolen" | "forced";
  /** JSON on who did it and why. */
  readonly why: string;
}

export interface ForceParams {
  readonly name: string;
  /** Another one for each call; no `|`. */
  readonly operation: string;
  /** JSON on who does it and why. */
  readonly why: string;
  /** Only from the holder with this token. */
  readonly expected: number | undefined;
}

export type ForceRefusal =
  /** Another one than expected has it, or nobody. */
  { readonly status: "changed"; readonly holder: StoredHolder | undefined };

export type ForceReleaseResult = { readonly status: "done" } | { readonly status: "free" } | ForceRefusal;

export type StealResult = LockGrant | LockEnded | ForceRefusal | { readonly status: "guarded"; readonly left: number };

/** A lock as it is now. */
export interface LockView {
  readonly now: number;
  readonly holder: StoredHolder | undefined;
  readonly waiters: readonly {
    readonly process: string;
    /** Milliseconds of the server's clock. */
    readonly since: number;
    readonly notes: string;
  }[];
}

export type WriteRegisterResult =
  | { readonly status: "written" } /** Somebody with this later token was here. */
  | {
      readonly status: "stale";
      readonly token: number;
    };

/**
 * What locks ask of a backend. Every method is atomic and a single attempt, decides by the backend's own time, and may be
 * delivered twice, late, or after later calls with the effect of one delivery in order: up to ten seconds late, and unless
 * it was refused at first. What is refused (`ask` without patience, `free`, `changed`) leaves nothing by which it is known
 * again: delivered late it may still be carried out, and a lock that it got so is free when its lease ends. The second
 * answer of `end` is `ended`, whatever the first was.
 *
 * Whoever a lock is handed to while it waits is told by a letter `granted` (the key, and on the next line
 * `number|token|last|now|lease`), and whoever loses one by force by a letter `lost`; both may be missed, and are found out by asking or renewing. Tokens rise with
 * every grant of a lock, also when the backend has forgotten it. Rejects only with a `FleetError`: `StorageFullError` from
 * `ask` for a new request and from `write` when memory is full; everything else still works then.
 */
export interface LockStore {
  /** Asks for a lock; again with the same number keeps the place of one that waits. */
  ask(request: LockRequest, claim: LockClaim, options?: LockCallOptions): Promise<AskResult>;
  /** Ends a request, whether it holds the lock or waits for it, and hands the lock over. */
  end(
    request: LockRequest,
    /** Milliseconds for which nobody gets it all the same. */
    keep: number,
    options?: LockCallOptions,
  ): Promise<EndResult>;
  /** Ends a request and asks anew, behind all who wait, in one step. */
  endAndAsk(request: LockRequest, next: number, claim: LockClaim, options?: LockCallOptions): Promise<AskResult>;
  /** Extends the lease to so many milliseconds from now, and notes who of the process has the lock, and since when. */
  renew(
    request: LockRequest,
    use: { readonly lease: number; readonly token: number; readonly held: number; readonly notes: string },
    options?: LockCallOptions,
  ): Promise<RenewResult>;
  /** Ends the hold of whoever has the lock, and hands it to the first that waits. */
  forceRelease(params: ForceParams & { readonly process: string }): Promise<ForceReleaseResult>;
  /** Gives the lock to a request, ahead of all who wait, whoever has it. */
  steal(params: ForceParams, request: LockRequest, claim: Omit<LockClaim, "patience">): Promise<StealResult>;
  /** Who has it and who waits. Changes nothing. */
  inspect(name: string): Promise<LockView>;
  /** Stores a value with a token, unless a later one was here; `sequence` rises with every write of the process. */
  write(params: {
    readonly register: string;
    readonly token: number;
    readonly process: string;
    readonly sequence: number;
    /** Milliseconds until it is forgotten; 0 for never. */
    readonly life: number;
    readonly value: string;
  }): Promise<WriteRegisterResult>;
  /** What a register holds; undefined for nothing. */
  read(register: string): Promise<{ readonly token: number; readonly value: string } | undefined>;
}
