/** Identifies one write of one process, so that the same write delivered again is recognised. */
export interface WriteId {
  /** Random per fleet instance and start; `[A-Za-z0-9_-]+`. */
  readonly processId: string;
  /** Rises with every distinct write of that process. */
  readonly sequence: number;
}

/** A stored session without its writers' list. */
export interface SessionRecord {
  /**
   * Rises with every write; two different writes never have the same one, also when a failover lost the first. The
   * compare of compare-and-set.
   */
  readonly version: number;
  /** Server time of the creation, milliseconds. */
  readonly created: number;
  /** Idle time, milliseconds. */
  readonly idle: number;
  /** Server time at which the session ends whatever is done, milliseconds; 0 for never. */
  readonly absoluteAt: number;
  /** Base64url of the SHA-256 of the whole identifier; the identifier itself is stored nowhere. */
  readonly token: string;
  /** Empty until rotation exists, as is `previousUntil` 0. */
  readonly previousToken: string;
  readonly previousUntil: number;
  /** The cookie's attributes as JSON, without `expires` (it follows from the remaining time). */
  readonly cookie: string;
  /** The session's own fields as JSON. */
  readonly payload: string;
}

export type LoadResult =
  | {
      readonly status: "found";
      readonly record: SessionRecord;
      /** Milliseconds left to live. */ readonly remaining: number;
    }
  | { readonly status: "missing" }
  /** Something is stored that no version of ours wrote. */
  | { readonly status: "corrupt" };

export interface PutParams {
  readonly selector: string;
  readonly token: string;
  readonly idle: number;
  /** Milliseconds from now until the session ends whatever is done; 0 for never. Only used when it is created. */
  readonly absolute: number;
  readonly cookie: string;
  readonly payload: string;
  readonly write: WriteId;
}

export type PutResult =
  | { readonly status: "done"; readonly version: number; readonly created: number }
  /** Destroyed meanwhile: this is an older call that arrived late; nothing was changed. */
  | { readonly status: "gone" }
  /** A later write of the same process is already applied; nothing was changed. */
  | { readonly status: "superseded" };

export interface UpdateParams {
  readonly selector: string;
  readonly token: string;
  /** From the record that was loaded: another session under the same selector is not this one. */
  readonly created: number;
  readonly baseVersion: number;
  readonly idle: number;
  /** Undefined keeps what is stored. */
  readonly cookie: string | undefined;
  readonly payload: string | undefined;
  readonly write: WriteId;
}

export type UpdateResult =
  | { readonly status: "done"; readonly version: number }
  /** Somebody wrote since the base, or a failover lost it; nothing was applied. */
  | { readonly status: "conflict"; readonly record: SessionRecord }
  /** Expired, destroyed, or another session now; an update never creates. */
  | { readonly status: "gone" }
  | { readonly status: "superseded" };

export type TouchResult =
  /** `remaining` milliseconds; less than idle where the absolute limit rules. */
  { readonly status: "done"; readonly remaining: number } | { readonly status: "gone" };

export type DestroyResult = { readonly status: "done" } | { readonly status: "gone" };

/**
 * What sessions ask of a backend. Every method is atomic and a single attempt, decides by the backend's own time, and
 * may be delivered twice, late, or after later calls with the effect of one delivery in order.
 *
 * Rejects only with a `FleetError` (`StorageFullError` from `put` and `update` when memory is full; `touch` and
 * `destroy` then still work).
 */
export interface SessionStore {
  /** Reads a session; writes nothing. */
  load(params: { readonly selector: string }): Promise<LoadResult>;
  /** Creates a session, or replaces it whole (keeping its creation and absolute end). */
  put(params: PutParams): Promise<PutResult>;
  /** Replaces what a loaded session holds if nobody wrote since, and extends it to its idle time. */
  update(params: UpdateParams): Promise<UpdateResult>;
  /** Extends a session to its idle time, never beyond its absolute end. */
  touch(params: { readonly selector: string; readonly token: string }): Promise<TouchResult>;
  /**
   * Ends a session. For ten seconds the place remembers which writes it has seen, so that a create which was sent
   * earlier and arrives later does not bring it back.
   */
  destroy(params: {
    readonly selector: string;
    readonly token: string;
    readonly write: WriteId;
  }): Promise<DestroyResult>;
}
