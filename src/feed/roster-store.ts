/** One instance as it is written down. */
export interface RosterRow {
  readonly id: string;
  /** Milliseconds of the server's clock when it last said that it lives. */
  readonly beat: number;
  readonly positions: string;
  readonly details: string;
}

/** Who lives, on one backend. Every method is atomic; what does not end well throws. */
export interface RosterStore {
  /** Says that an instance lives; `forget` milliseconds without a beat remove others, 0 removes nobody now. */
  beat(params: {
    readonly id: string;
    readonly positions: string;
    readonly details: string;
    readonly forget: number;
  }): Promise<{
    readonly now: number;
    /** Another one whenever somebody came, went, or changed its details. */
    readonly version: number;
  }>;
  read(): Promise<{ readonly now: number; readonly rows: readonly RosterRow[] }>;
  leave(params: { readonly id: string }): Promise<void>;
}
