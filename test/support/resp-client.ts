import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { RespError, RespParser, encodeCommand, type RespValue } from "./resp-parser.js";

/** Where to connect, and as whom. */
export interface RespClientOptions {
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** What `tls.connect` takes; without it in plain text. */
  readonly tls?: ConnectionOptions | undefined;
  /** Milliseconds for connecting and for each command; default 5 000. */
  readonly timeout?: number | undefined;
}

interface Waiting {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** A small Redis client for administration in tests: one socket, RESP2, no reconnection, answers in order. */
export class RespClient {
  readonly #socket: Socket;
  readonly #timeout: number;
  readonly #parser = new RespParser();
  readonly #waiting: Waiting[] = [];
  #closed: Error | undefined;

  private constructor(socket: Socket, timeout: number) {
    this.#socket = socket;
    this.#timeout = timeout;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  /** Connects and authenticates. Rejects when the server is away, silent for `timeout`, or refuses the password. */
  static async connect(options: RespClientOptions): Promise<RespClient> {
    const { host, port, username, password, tls, timeout = 5_000 } = options;
    const socket =
      tls === undefined ? connect({ host, port, noDelay: true }) : connectTls({ host, port, ...tls }).setNoDelay();
    const connected = tls === undefined ? "connect" : "secureConnect";
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error(`${host}:${port} did not accept the connection within ${timeout} ms`));
      }, timeout);
      socket.once("error", reject);
      socket.once(connected, resolve);
      socket.once("close", () => clearTimeout(timer));
      socket.once(connected, () => clearTimeout(timer));
    });
    const client = new RespClient(socket, timeout);
    if (password !== undefined) {
      try {
        await client.command("AUTH", ...(username === undefined ? [] : [username]), password);
      } catch (error) {
        client.close();
        throw error;
      }
    }
    return client;
  }

  /** False once the connection is gone. */
  get open(): boolean {
    return this.#closed === undefined;
  }

  /** Sends one command. Rejects with `RespError` for the server's own errors; a command out of time closes the connection. */
  command(...words: (string | number)[]): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      const timer = setTimeout(() => {
        this.#fail(new Error(`no answer to ${String(words[0])} within ${this.#timeout} ms`));
      }, this.#timeout);
      this.#waiting.push({ resolve, reject, timer });
      this.#socket.ref();
      this.#socket.write(encodeCommand(words));
    });
  }

  /** Closes the connection; what is pending rejects. */
  close(): void {
    this.#fail(new Error("the client was closed"));
  }

  #read(chunk: Buffer): void {
    try {
      for (const { value } of this.#parser.push(chunk)) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) continue;
        clearTimeout(waiting.timer);
        if (value instanceof RespError) waiting.reject(value);
        else waiting.resolve(value);
      }
      // An idle administrator must not keep the process alive.
      if (this.#waiting.length === 0) this.#socket.unref();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(this.#closed);
    }
  }
}

/** Connects, sends the commands at once, closes, and returns the answers in order; rejects with the first error. */
export async function sendCommands(
  options: RespClientOptions,
  commands: readonly (readonly (string | number)[])[],
): Promise<RespValue[]> {
  const client = await RespClient.connect(options);
  try {
    return await Promise.all(commands.map((words) => client.command(...words)));
  } finally {
    client.close();
  }
}

/** Like `sendCommands`, for one command. */
export async function sendCommand(options: RespClientOptions, ...words: (string | number)[]): Promise<RespValue> {
  const [answer] = await sendCommands(options, [words]);
  return answer ?? null;
}
