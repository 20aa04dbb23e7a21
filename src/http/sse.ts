import type { IncomingMessage, ServerResponse } from "node:http";

/** One event for the browser's `EventSource`. */
export interface StreamEvent {
  /** Where the client resumes after a lost connection; no line breaks. */
  readonly id?: string;
  /** Default `message`; no line breaks. */
  readonly event?: string;
  /** May have several lines. */
  readonly data: string;
}

/** The pace and the bound of a stream. */
export interface EventStreamOptions {
  /** Milliseconds between comments that keep proxies from closing an idle stream; default 15000. */
  readonly heartbeat?: number;
  /** Milliseconds after which the client shall reconnect; default left to the browser. */
  readonly retry?: number;
  /** Bytes that may wait for a client that does not read; beyond that it is disconnected. Default 1 MiB. */
  readonly maxBuffered?: number;
}

/** Compression middleware adds `flush`, and holds small writes back until it is called. */
type Flushable = ServerResponse & { readonly flush?: () => void };

/** The id of the last event that a reconnecting client saw. */
export function lastEventIdOf(req: IncomingMessage): string | undefined {
  const id = req.headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}

/**
 * A Server-Sent Events response.
 *
 * It ends when the client goes away, when `close` is called, or when the client reads so slowly that more than
 * `maxBuffered` bytes wait: it then reconnects with `Last-Event-ID`, which costs less than unbounded memory. `signal`
 * aborts in each case. The heartbeat does not keep the process alive.
 */
export class EventStream {
  readonly #res: Flushable;
  readonly #maxBuffered: number;
  readonly #ended = new AbortController();
  #waiting = 0;

  /** Sends the head of the response at once; to a HEAD request nothing follows it. */
  constructor(req: IncomingMessage, res: ServerResponse, options: EventStreamOptions = {}) {
    const { heartbeat = 15_000, retry, maxBuffered = 1_048_576 } = options;
    this.#res = res;
    this.#maxBuffered = maxBuffered;
    res.statusCode = 200;
    res.setHeader("Content-Type", "text/event-stream");
    res.setHeader("Cache-Control", "no-cache, no-transform");
    res.setHeader("X-Accel-Buffering", "no");
    res.flushHeaders();
    res.once("close", () => this.#ended.abort());
    res.on("drain", () => (this.#waiting = 0));
    const timer = setInterval(() => this.#write(":\n\n"), heartbeat);
    timer.unref();
    this.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    if (req.method === "HEAD" || res.destroyed) this.close();
    else if (retry !== undefined) this.#write(`retry: ${Math.ceil(retry)}\n\n`);
  }

  /** Aborts when the stream ended, for whatever reason. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Sends an event; false when the stream has ended, also by this very event being one too many.
   *
   * Throws `TypeError` for an `id` or `event` with a line break or NUL, which would let a value forge other fields.
   */
  send(event: StreamEvent): boolean {
    return this.#write(format(event));
  }

  /** Ends the response after what was sent; does nothing when it has ended. */
  close(): void {
    if (this.signal.aborted) return;
    this.#ended.abort();
    this.#res.end();
  }

  #write(text: string): boolean {
    // Somebody else may end the response; a write after that would be an `error` event to which nobody listens.
    if (this.signal.aborted || this.#res.writableEnded) return false;
    const hasRoom = this.#res.write(text);
    this.#res.flush?.();
    // Counted here, because what waits inside a compression middleware does not show in `writableLength`.
    this.#waiting = hasRoom ? 0 : this.#waiting + Buffer.byteLength(text);
    if (this.#waiting <= this.#maxBuffered) return true;
    this.#ended.abort();
    this.#res.destroy();
    return false;
  }
}

function format({ id, event, data }: StreamEvent): string {
  const head = field("id", id) + field("event", event);
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${head}${lines.join("")}\n`;
}

function field(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (/[\r\n\0]/.test(value)) throw new TypeError(`the ${name} of an event holds a line break or NUL`);
  return `${name}: ${value}\n`;
}
