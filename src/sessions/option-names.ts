import { inspect } from "node:util";
import type { ConfigProblem } from "../core/errors.js";

/** One problem for each name that is no option, with the option that was probably meant. */
export function unknownOptions(options: object, known: readonly string[], where: string): ConfigProblem[] {
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const nearest = known
        .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
        .sort((one, other) => one.distance - other.distance)[0];
      const meant =
        nearest !== undefined && nearest.distance <= name.length / 2 ? `; did you mean ${nearest.candidate}?` : "";
      return {
        code: "ERR_FLEET_SESSION_OPTION",
        message: `${where} has no option ${JSON.stringify(name)}${meant}`,
        help: `the options are ${known.join(", ")}`,
      };
    });
}

/** A problem when a value is none of those allowed. */
export function unknownValue(value: unknown, allowed: readonly unknown[], where: string): ConfigProblem[] {
  if (value === undefined || allowed.includes(value)) return [];
  const list = allowed.map((each) => JSON.stringify(each)).join(" or ");
  return [
    {
      code: "ERR_FLEET_SESSION_OPTION",
      message: `${where} is ${inspect(value, { depth: 0 })}`,
      help: `${where} is ${list}`,
    },
  ];
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= right.length; to += 1) {
      const replaced = (row[to - 1] ?? 0) + (left[at - 1] === right[to - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
