/** A value that a script or command takes; numbers are sent as decimal text. */
export type Argument = string | number | Buffer;

/** What a script answers: a short upper-case word, then values. */
export type ScriptReply = readonly [status: string, ...values: (string | number | null)[]];

/**
 * A Lua script as the generator writes it from a `.lua` file: its keys and arguments by name, in order.
 *
 * `Keys` and `Arguments` are the names, `Reply` the union of its answers.
 */
export interface Script<Keys extends string, Arguments extends string, Reply extends ScriptReply> {
  /** `<room>/<file>`, for statistics and errors. */
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
  readonly keys: readonly Keys[];
  readonly args: readonly Arguments[];
  /** A script that writes nothing; a mutating one recognises its own resends (its `@op`). */
  readonly readOnly: boolean;
  /** Never present; carries the type of the answer. */
  readonly reply?: Reply;
}

/** The keys and arguments of one call, by name. */
export interface ScriptCall<Keys extends string, Arguments extends string> {
  readonly keys: Readonly<Record<Keys, string>>;
  readonly args: Readonly<Record<Arguments, Argument>>;
}
