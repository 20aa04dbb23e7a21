/** What a worker is told by its environment. */
export interface WorkerPlan {
  readonly namespace: string;
  /** Sessions that all workers write to. */
  readonly shared: readonly string[];
  /** Callers at work at the same time. */
  readonly callers: number;
}

/** One call that failed. */
export interface WorkerFailure {
  readonly code: string;
  readonly executed: string;
  readonly message: string;
  /** Milliseconds that the caller waited. */
  readonly waited: number;
  /** Milliseconds of the system's monotonic clock when it ended. */
  readonly at: number;
}

/** What a worker counted since it began. */
export interface WorkerReport {
  readonly kind: "report";
  readonly calls: number;
  /** Acknowledged increments by session. */
  readonly acknowledged: Readonly<Record<string, number>>;
  /** Increments by session of which nobody knows whether they were made. */
  readonly unknown: Readonly<Record<string, number>>;
  readonly failures: readonly WorkerFailure[];
  /** Sessions that were found missing. */
  readonly missing: number;
  /** Milliseconds. */
  readonly longestWait: number;
  readonly failovers: number;
}

export type WorkerOrder = "start" | "pause" | "report" | "close";

export function isReport(message: unknown): message is WorkerReport {
  return typeof message === "object" && message !== null && (message as { kind?: unknown }).kind === "report";
}
