import { KeySpace } from "../../src/backend/keys.js";
import type { RedisBackendConfig } from "../../src/config/backend-config.js";
import type { FeedStats } from "../../src/feed/feed.js";

/** What can be switched off in a follower, to see that its drill notices. */
export type Mechanism = "chain" | "fork check" | "freshness";

/** What a worker is told by its environment. */
export interface FeedPlan {
  readonly config: RedisBackendConfig;
  readonly namespace: string;
  /** Its name, without spaces. */
  readonly writer: string;
  /** Milliseconds between two appends. */
  readonly appendEvery: number;
  readonly without: readonly Mechanism[];
}

/** Milliseconds for which a follower trusts what it holds. */
export const trustedFor = 2_000;

export const room = "drill";
export const logName = "log";

/** The key of the one log that all workers of a namespace follow. */
export function logKey(namespace: string): string {
  return new KeySpace(namespace).key(room, "log", "log");
}

/** What one append says: which writer, its count of appends, and which attempt at this one. */
export interface Mark {
  readonly writer: string;
  readonly counter: number;
  readonly attempt: number;
}

export function writeMark({ writer, counter, attempt }: Mark): string {
  return `${writer} ${counter} ${attempt}`;
}

export function readMark(text: string): Mark {
  const [writer = "", counter, attempt] = text.split(" ");
  return { writer, counter: Number(counter), attempt: Number(attempt) };
}

/** What happened in a worker, in its order; `at` is the wall clock, which all processes of a machine share. */
export type TraceEvent =
  | readonly ["applied", at: number, position: string, mark: string]
  | readonly ["flushed", at: number, reason: "cut" | "fork"]
  /** A look at what the follower holds, and whether it could be trusted at that moment. */
  | readonly ["looked", at: number, isTrusted: boolean]
  | readonly ["acknowledged", at: number, position: string, mark: string]
  /** An append failed, and may have been made or not. */
  | readonly ["failed", at: number, mark: string, message: string];

export type FeedOrder = "write" | "pause" | "settle" | "report";

export interface FeedCommand {
  readonly number: number;
  readonly order: FeedOrder;
}

/** How a worker answers an order. */
export interface FeedReply {
  readonly number: number;
  /** How far it has applied the log. */
  readonly position: string;
  /** Since the last report; empty for other orders. */
  readonly trace: readonly TraceEvent[];
  readonly stats: FeedStats & { readonly subscriberGaps: number };
}
