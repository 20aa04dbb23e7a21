import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";

/** One request; `path` is relative to the client's origin. */
export interface HttpRequest {
  readonly path: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | object;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One browser: a keep-alive connection at most, and a jar of cookies (names and values only; a cookie that has expired is removed). */
export class HttpClient {
  readonly #origin: URL;
  readonly #timeout: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #cookies = new Map<string, string>();

  /** `timeout` in milliseconds bounds a whole request; default 15 000. */
  constructor(origin: string | URL, timeout: number = 15_000) {
    this.#origin = new URL(origin);
    this.#timeout = timeout;
  }

  /** The cookies of the jar by name; the map may be changed. */
  get cookies(): Map<string, string> {
    return this.#cookies;
  }

  /** Sends a request and reads the whole answer. Rejects when the connection fails or the time is over, never for a status. */
  request({ path, method = "GET", headers = {}, body }: HttpRequest): Promise<HttpResponse> {
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(new URL(path, this.#origin), {
        method,
        agent: this.#agent,
        headers: { ...this.#standing(body, text), ...headers },
      });
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`no answer within ${this.#timeout} ms`)),
        this.#timeout,
      );
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      outgoing.on("error", fail);
      outgoing.on("response", (incoming) => {
        const pieces: Buffer[] = [];
        incoming.on("data", (piece: Buffer) => pieces.push(piece));
        incoming.on("error", fail);
        incoming.on("end", () => {
          clearTimeout(timer);
          this.#keep(incoming.headers["set-cookie"] ?? []);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(pieces).toString(),
          });
        });
      });
      outgoing.end(text);
    });
  }

  /** Closes the connection. */
  close(): void {
    this.#agent.destroy();
  }

  #standing(body: string | object | undefined, text: string | undefined): Record<string, string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return {
      ...(cookie === "" ? {} : { cookie }),
      ...(typeof body === "object" ? { "content-type": "application/json" } : {}),
      ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }),
    };
  }

  #keep(headers: readonly string[]): void {
    for (const header of headers) {
      const [pair = "", ...attributes] = header.split(";").map((part) => part.trim());
      const equals = pair.indexOf("=");
      if (equals < 1) continue;
      const name = pair.slice(0, equals);
      if (attributes.some(endsCookie)) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(equals + 1));
    }
  }
}

function endsCookie(attribute: string): boolean {
  const [name = "", value = ""] = attribute.split("=");
  if (/^max-age$/i.test(name)) return Number(value) <= 0;
  return /^expires$/i.test(name) && Date.parse(value) <= Date.now();
}
