import { isDeepStrictEqual } from "node:util";

/** The fields of a session, without its cookie, as JSON has them. */
export type SessionFields = Readonly<Record<string, unknown>>;

/**
 * How two concurrent changes of one field become one.
 *
 * - `counter`: both changes add up: theirs + (mine - base), a missing number being 0; what is no number goes by `field`.
 * - `last-write`: mine, also where only they changed it.
 * - `reject`: when both changed it to different values the save fails with `SessionConflictError`.
 */
export type FieldMerge = "counter" | "last-write" | "reject";

/** How a save is merged with what others wrote meanwhile. */
export interface MergeOptions {
  /** The rule of fields that are not named; `field` (default): what I changed is mine, the others are theirs. */
  readonly default?: "field" | "last-write" | "reject" | undefined;
  /** Rules by name of a top-level field. */
  readonly fields?: Readonly<Record<string, FieldMerge>> | undefined;
}

export type MergeResult =
  | { readonly status: "merged"; readonly fields: SessionFields }
  | { readonly status: "rejected"; readonly field: string };

/** Merges what this process changed since `base` with what is stored now. */
export type Merge = (base: SessionFields, mine: SessionFields, theirs: SessionFields) => MergeResult;

type Rule = "field" | FieldMerge;

/** Makes the merge of a fleet from its options. */
export function createMerge(options: MergeOptions = {}): Merge {
  const rules = new Map<string, Rule>(Object.entries(options.fields ?? {}));
  const fallback: Rule = options.default ?? "field";
  return (base, mine, theirs) => {
    // Theirs first, so that a merge which changes nothing keeps their order and so their text.
    const names = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
    const entries: [string, unknown][] = [];
    for (const name of names) {
      const values = { base: own(base, name), mine: own(mine, name), theirs: own(theirs, name) };
      const merged = mergeField(rules.get(name) ?? fallback, values);
      if (merged === rejected) return { status: "rejected", field: name };
      if (merged !== undefined) entries.push([name, merged]);
    }
    return { status: "merged", fields: Object.fromEntries(entries) };
  };
}

interface FieldValues {
  /** Undefined where the field is missing, as JSON has no such value. */
  readonly base: unknown;
  readonly mine: unknown;
  readonly theirs: unknown;
}

const rejected = Symbol("rejected");

function mergeField(rule: Rule, { base, mine, theirs }: FieldValues): unknown {
  if (rule === "last-write") return mine;
  if (isDeepStrictEqual(mine, base)) return theirs;
  if (isDeepStrictEqual(theirs, base)) return mine;
  if (rule === "reject") return isDeepStrictEqual(mine, theirs) ? mine : rejected;
  if (rule === "counter" && isCount(base) && isCount(mine) && isCount(theirs) && (mine ?? theirs) !== undefined) {
    return (theirs ?? 0) + ((mine ?? 0) - (base ?? 0));
  }
  return mine;
}

function isCount(value: unknown): value is number | undefined {
  return value === undefined || typeof value === "number";
}

function own(fields: SessionFields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
