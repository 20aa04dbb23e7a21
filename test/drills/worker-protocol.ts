/** What a worker is told by its environment. */
export interface WorkerPlan {
  readonly namespace: string;
  /** Sessions that all workers write to. A caller keeps to one lane, so that it waits only for servers that its lane needs. */
  readonly lanes: readonly (readonly string[])[];
  /** Callers at work at the same time. */
  readonly callers: number;
  /** In place of callers that wait for their answers: a request every so many milliseconds, whatever became of the others. */
  readonly pace?: number;
}

/** One request of a load that goes by a pace. */
export interface WorkerRequest {
  /** Milliseconds of the system's clock when it began. */
  readonly at: number;
  /** Milliseconds until it ended. */
  readonly waited: number;
  readonly failed: boolean;
}

/** One call that failed. */
export interface WorkerFailure {
  /** Of the session that was called for. */
  readonly id: string;
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
  /** By lane: the longest until a call ended since one was acknowledged, in milliseconds. */
  readonly silences: readonly number[];
  /** Every request that has ended; only of a load that goes by a pace. */
  readonly requests: readonly WorkerRequest[];
  readonly failovers: number;
}

export type WorkerOrder = "start" | "pause" | "report" | "close";

export function isReport(message: unknown): message is WorkerReport {
  return typeof message === "object" && message !== null && (message as { kind?: unknown }).kind === "report";
}
