import { inspect } from "node:util";
import type { ConfigProblem } from "../core/errors.js";
import { printableName, suggestion } from "../core/nearest-name.js";

/** One problem for each name that is no option, with the option that was probably meant. */
export function unknownOptions(options: object, known: readonly string[], where: string): ConfigProblem[] {
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      code: "ERR_FLEET_SESSION_OPTION",
      message: `${where} has no option ${printableName(name)}${suggestion(name, known)}`,
      help: `the options are ${known.join(", ")}`,
    }));
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
