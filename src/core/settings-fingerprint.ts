import { createHmac } from "node:crypto";

/** Plain data that says what a process was set to: equal data means equal settings. A field that is undefined is no field. */
export type Fact = string | number | boolean | null | undefined | readonly Fact[] | { readonly [name: string]: Fact };

/** One text for equal data, in whatever order its fields were written; the order of a list counts. */
export function canonicalText(fact: Fact): string {
  if (Array.isArray(fact)) return `[${(fact as readonly Fact[]).map(canonicalText).join(",")}]`;
  if (typeof fact !== "object" || fact === null) return JSON.stringify(fact ?? null);
  const fields = Object.entries(fact)
    .filter(([, value]) => value !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}:${canonicalText(value)}`);
  return `{${fields.join(",")}}`;
}

/** The data without repetitions, in one order, for a list whose order means nothing. */
export function asSet(facts: readonly Fact[]): readonly Fact[] {
  const byText = new Map(facts.map((fact) => [canonicalText(fact), fact]));
  return [...byText.keys()].toSorted().map((text) => byText.get(text));
}

/** 16 characters that are the same for the same namespace and data, and tell nothing of either to who cannot guess them. */
export function settingsFingerprint(namespace: string, settings: Fact): string {
  return createHmac("sha256", namespace).update(canonicalText(settings)).digest("base64url").slice(0, 16);
}

const shortest = 32;

/**
 * Tells one secret from another without telling the secret: 16 characters for a secret of 32 bytes or more.
 *
 * A shorter one might be found by trying, so all of those are `short` and not told apart.
 */
export function secretId(secret: string): string {
  if (Buffer.byteLength(secret) < shortest) return "short";
  // The secret is the key, as it is for the cookies that it signs; no identifier of a session is this text.
  return createHmac("sha256", secret).update("express-fleet: id of this secret").digest("base64url").slice(0, 16);
}
