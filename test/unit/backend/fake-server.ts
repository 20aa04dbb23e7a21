import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { RespParser } from "../../support/resp-parser.js";

/** What a fake server answers to a command, as RESP; undefined is silence. */
export type Answer = (words: readonly string[], connection: FakeConnection) => string | undefined;

/** One connection to a fake server. */
export interface FakeConnection {
  readonly number: number;
  /** Ends it, with a reset. */
  reset(): void;
  /** Sends RESP out of turn: an answer that was held back. */
  write(resp: string): void;
}

interface Received {
  readonly words: readonly string[];
  readonly connection: FakeConnection;
}

/** What a connection sends of itself. */
const handshake = new Set(["AUTH", "CLIENT", "INFO", "SELECT", "TIME", "PING"]);

/** A server on 127.0.0.1 that speaks RESP and answers as a test wants. */
export class FakeServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  /** All commands, oldest first, with the name in upper case. */
  readonly received: Received[] = [];
  readonly #sockets = new Set<Socket>();
  #listener: Server | undefined;
  #answer: Answer;
  #accepted = 0;
  #chunks = 0;

  private constructor(listener: Server, answer: Answer) {
    this.#listener = listener;
    this.#answer = answer;
    this.port = (listener.address() as AddressInfo).port;
    listener.on("connection", (socket) => this.#accept(socket));
  }

  /** Starts one; without an `answer` it is an idle Redis 7. */
  static async start(answer: Answer = () => undefined): Promise<FakeServer> {
    return new FakeServer(await listen(0), answer);
  }

  /** How many connections were accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Pieces of data as they were read. */
  get chunks(): number {
    return this.#chunks;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.host, port: this.port };
  }

  /** From now on answers otherwise. */
  answer(answer: Answer): void {
    this.#answer = answer;
  }

  /** The words of the commands that are not of a connection's handshake. */
  calls(): (readonly string[])[] {
    return this.received.filter(({ words }) => !handshake.has(words[0] ?? "")).map(({ words }) => words);
  }

  /** How often a command came. */
  count(name: string): number {
    return this.received.filter(({ words }) => words[0] === name).length;
  }

  /** Ends all connections with a reset; new ones are accepted. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Ends all connections and accepts no new ones. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    this.reset();
    if (listener !== undefined) await new Promise((resolve) => listener.close(resolve));
  }

  /** Listens again, on the same port. */
  async resume(): Promise<void> {
    this.#listener = await listen(this.port);
    this.#listener.on("connection", (socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    this.#accepted += 1;
    this.#sockets.add(socket);
    const connection: FakeConnection = {
      number: this.#accepted,
      reset: () => socket.resetAndDestroy(),
      write: (resp) => void socket.write(resp),
    };
    const parser = new RespParser();
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk) => {
      this.#chunks += 1;
      for (const { value } of parser.push(chunk)) {
        const [name = "", ...rest] = (value as unknown[]).map(String);
        const words = [name.toUpperCase(), ...rest];
        this.received.push({ words, connection });
        const answer = this.#answer(words, connection) ?? idle(words);
        if (answer !== silence && socket.writable) socket.write(answer);
      }
    });
  }
}

/** An answer that is none. */
export const silence = "";

export const ok = "+OK\r\n";

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export function integer(value: number): string {
  return `:${value}\r\n`;
}

export function failure(message: string): string {
  return `-${message}\r\n`;
}

export function list(...items: string[]): string {
  return `*${items.length}\r\n${items.join("")}`;
}

/** An INFO of Redis 7 with some fields changed; one that is undefined is left out. */
export function info(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const all = {
    redis_version: "7.0.15",
    redis_mode: "standalone",
    role: "master",
    loading: "0",
    maxmemory_policy: "noeviction",
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}:${value}\r\n`]));
  return bulk(lines.join(""));
}

/** What a Redis answers that has nothing to do. */
function idle([name]: readonly string[]): string {
  if (name === "INFO") return info();
  if (name === "PING") return "+PONG\r\n";
  if (name === "EVAL" || name === "EVALSHA") return list(bulk("OK"));
  if (name === "GET") return "$-1\r\n";
  return ok;
}

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => resolve(server));
  });
}
