import { ConfigError, type ConfigProblem } from "../core/errors.js";
import type { StorePolicy } from "./express-session-store.js";
import { unknownOptions, unknownValue } from "./option-checks.js";

/** `fleet.sessions.store(options)`: what happens when something goes wrong. */
export interface StoreOptions {
  readonly onStoreError?:
    | {
        /**
         * A session cannot be read. `error` (default): the request fails with 503. `anonymous`: it goes on with an empty
         * session whose `degraded` is true; what is written to that is dropped, and the browser keeps its cookie.
         */
        readonly read?: "error" | "anonymous" | undefined;
        /** A session cannot be saved. `error` (default): the request fails with 503. `log`: it goes on, the change is lost. */
        readonly write?: "error" | "log" | undefined;
      }
    | undefined;
  /** The session ended while the request ran. `drop` (default): its changes are dropped. `error`: `SessionGoneError`. */
  readonly onGone?: "drop" | "error" | undefined;
  /** What is stored cannot be read. `discard` (default): it counts as missing. `error`: `CorruptDataError`. */
  readonly onCorrupt?: "discard" | "error" | undefined;
}

/** The names of these options. */
export const storeOptionNames = ["onStoreError", "onGone", "onCorrupt"] as const;

/** Problems of the options of a store, wherever they were given. */
export function storeOptionProblems(options: StoreOptions, where: string): ConfigProblem[] {
  const { onStoreError = {}, onGone, onCorrupt } = options;
  return [
    ...unknownOptions(onStoreError, ["read", "write"], `${where}.onStoreError`),
    ...unknownValue(onStoreError.read, ["error", "anonymous"], `${where}.onStoreError.read`),
    ...unknownValue(onStoreError.write, ["error", "log"], `${where}.onStoreError.write`),
    ...unknownValue(onGone, ["drop", "error"], `${where}.onGone`),
    ...unknownValue(onCorrupt, ["discard", "error"], `${where}.onCorrupt`),
  ];
}

/** The policy of a store from its options; throws `ConfigError`. */
export function storePolicy(options: StoreOptions, lifetime: Pick<StorePolicy, "idle" | "absolute">): StorePolicy {
  const problems = [
    ...unknownOptions(options, storeOptionNames, "store()"),
    ...storeOptionProblems(options, "store()"),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return policyOf(options, lifetime);
}

/** The policy of options that were checked. */
export function policyOf(options: StoreOptions, lifetime: Pick<StorePolicy, "idle" | "absolute">): StorePolicy {
  return {
    ...lifetime,
    onReadError: options.onStoreError?.read ?? "error",
    onWriteError: options.onStoreError?.write ?? "error",
    onGone: options.onGone ?? "drop",
    onCorrupt: options.onCorrupt ?? "discard",
  };
}
