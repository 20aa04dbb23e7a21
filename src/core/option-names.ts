import { inspect } from "node:util";
import type { ConfigProblem } from "./errors.js";
import { printableName, suggestion } from "./nearest-name.js";

/** Finds what a room's options cannot mean, with the room's own code for it. */
export interface OptionChecks {
  /** One problem for each name that is no option, with the option that was probably meant. */
  unknownOptions(options: object, known: readonly string[], where: string): ConfigProblem[];
  /** A problem when a value is none of those allowed; undefined always is. */
  unknownValue(value: unknown, allowed: readonly unknown[], where: string): ConfigProblem[];
}

/** The checks of a room whose problems have this code. */
export function optionChecks(code: string): OptionChecks {
  return {
    unknownOptions: (options, known, where) =>
      Object.keys(options)
        .filter((name) => !known.includes(name))
        .map((name) => ({
          code,
          message: `${where} has no option ${printableName(name)}${suggestion(name, known)}`,
          help: `the options are ${known.join(", ")}`,
        })),
    unknownValue(value, allowed, where) {
      if (value === undefined || allowed.includes(value)) return [];
      const list = allowed.map((each) => JSON.stringify(each)).join(" or ");
      return [{ code, message: `${where} is ${inspect(value, { depth: 0 })}`, help: `${where} is ${list}` }];
    },
  };
}
