import { HttpClient, type HttpRequest, type HttpResponse } from "./http-client.js";
import { pause } from "./until.js";

export interface LoadOptions {
  /** For example "http://127.0.0.1:3000". */
  readonly origin: string | URL;
  /** Clients at once, each with one request under way, a connection and cookies of its own; default 8. */
  readonly clients?: number;
  /** Requests of all clients together; default 10 000. */
  readonly requests?: number;
  /** Milliseconds after which no further request begins; default 60 000. */
  readonly duration?: number;
  /** Milliseconds for one request; default 15 000. */
  readonly timeout?: number;
  /** Milliseconds that a client rests after each answer; default 0. */
  readonly rest?: number;
  /** What to ask: `index` counts all requests, `client` is from 0 on. */
  readonly make: (turn: { readonly index: number; readonly client: number }) => HttpRequest;
  /** Sees every answer as it comes. */
  readonly onResponse?: (response: HttpResponse, record: LoadRecord) => void;
}

/** What became of one request. Times are in milliseconds; `began` since the load began. */
export interface LoadRecord {
  readonly index: number;
  readonly client: number;
  readonly request: HttpRequest;
  readonly began: number;
  readonly latency: number;
  /** Absent when there was no answer. */
  readonly status?: number;
  /** Why there was no answer. */
  readonly error?: string;
}

/** The records in numbers. */
export interface LoadSummary {
  readonly requests: number;
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Requests without an answer, by their error. */
  readonly errors: Readonly<Record<string, number>>;
  /** No answer, or a status of 500 and above. */
  readonly failed: number;
  /** Latencies in milliseconds. */
  readonly median: number;
  readonly longest: number;
}

/** A load of HTTP requests that goes on until it is stopped or one of its bounds is reached. */
export class Load {
  readonly records: LoadRecord[] = [];
  /** Resolves with the records when the last request has ended; never rejects for a request, only for a mistake in `make` or `onResponse`. */
  readonly finished: Promise<readonly LoadRecord[]>;
  readonly #options: LoadOptions;
  readonly #began: number = performance.now();
  #next = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const clients = Array.from({ length: options.clients ?? 8 }, (_, client) => this.#run(client));
    this.finished = Promise.all(clients)
      .finally(() => {
        this.#stopped = true;
      })
      .then(() => this.records);
  }

  /** Begins no further request, and resolves when those under way have ended. */
  stop(): Promise<readonly LoadRecord[]> {
    this.#stopped = true;
    return this.finished;
  }

  /** What was recorded so far. */
  summary(): LoadSummary {
    return summarize(this.records);
  }

  async #run(client: number): Promise<void> {
    const { origin, timeout, rest = 0 } = this.#options;
    const http = new HttpClient(origin, timeout);
    try {
      while (this.#mayBegin()) {
        await this.#once(http, client);
        if (rest > 0) await pause(rest);
      }
    } finally {
      http.close();
    }
  }

  #mayBegin(): boolean {
    const { requests = 10_000, duration = 60_000 } = this.#options;
    return !this.#stopped && this.#next < requests && performance.now() - this.#began < duration;
  }

  async #once(http: HttpClient, client: number): Promise<void> {
    const index = this.#next;
    this.#next += 1;
    const request = this.#options.make({ index, client });
    const start = performance.now();
    const outcome = await http.request(request).catch((error: Error) => error);
    const record: LoadRecord = {
      index,
      client,
      request,
      began: start - this.#began,
      latency: performance.now() - start,
      ...(outcome instanceof Error ? { error: describe(outcome) } : { status: outcome.status }),
    };
    this.records.push(record);
    if (!(outcome instanceof Error)) this.#options.onResponse?.(outcome, record);
  }
}

/** Starts a load at once. */
export function startLoad(options: LoadOptions): Load {
  return new Load(options);
}

/** Counts statuses and errors and measures latencies of records. */
export function summarize(records: readonly LoadRecord[]): LoadSummary {
  const statuses: Record<number, number> = {};
  const errors: Record<string, number> = {};
  for (const { status, error } of records) {
    if (status !== undefined) statuses[status] = (statuses[status] ?? 0) + 1;
    if (error !== undefined) errors[error] = (errors[error] ?? 0) + 1;
  }
  const latencies = records.map(({ latency }) => latency).sort((one, other) => one - other);
  return {
    requests: records.length,
    statuses,
    errors,
    failed: records.filter(({ status }) => status === undefined || status >= 500).length,
    median: latencies[Math.floor(latencies.length / 2)] ?? 0,
    longest: latencies.at(-1) ?? 0,
  };
}

function describe(error: Error & { code?: string }): string {
  return error.code ?? error.message;
}
