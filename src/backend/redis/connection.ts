import type { Socket } from "node:net";
import { Command, Redis } from "ioredis";
import type { NodeAddress } from "../../config/backend-config.js";
import type { Argument } from "../script.js";
import { connectorFor } from "./connector.js";
import { probe } from "./probe.js";
import type { TlsMaterial } from "./tls-material.js";
import { parseInfo, type ServerInfo } from "./server-info.js";
import type { Credentials, SignIn } from "./credentials.js";

/** How one connection is opened. */
export interface ConnectionOptions {
  /** The server as the topology names it. */
  readonly address: NodeAddress;
  /** Where it is dialled; default its address. */
  readonly dial?: NodeAddress;
  readonly tls: TlsMaterial | undefined;
  readonly credentials: Credentials;
  /** Shown in CLIENT LIST; connections are counted by it. */
  readonly name: string;
  readonly database: number;
  /** Milliseconds for TCP, TLS and the handshake together. */
  readonly timeout: number;
  /** Ends the connection at any time in its life, also while it opens: a closed backend keeps no process alive. */
  readonly signal: AbortSignal;
}

const probeLimit = 300;

/** A reply as text, number, null or a nested list of these. */
export type Reply = string | number | null | readonly Reply[];

const turnsAway = /^(ERR max number of clients|DENIED)/;

// A server that waits for the end of a long turn is idle meanwhile, and then this process is: with 64 calls under way, writes
// of 16 commands let both work at the same time, and cost no more (`npm run bench -- locks`).
const batchSize = 16;

/**
 * One socket to one server, from the dial to its end; it never reconnects, so nothing is ever sent twice by it.
 *
 * ioredis encodes and decodes; deadlines, repeats and reconnects are ours (`exec.ts`, `node.ts`). When the socket ends,
 * every outstanding reply rejects. What is sent in one turn of the event loop leaves in
 * one write, or in several where that is much.
 */
export class Connection {
  readonly #redis: Redis;
  readonly #scripts = new Set<string>();
  #socket: Socket | undefined;
  #corked = false;
  #batch = 0;
  #ended = false;
  #lastError: Error | undefined;
  #onEnd: (reason: Error) => void = () => undefined;
  #waitsForCredentials = false;
  readonly #signal: AbortSignal;
  readonly #stop = (): void => this.destroy(closedError());
  /** True when this process ended it because the server did not answer. */
  killed = false;
  info: ServerInfo | undefined;
  /** The server's answer to TIME, asked together with INFO; undefined when it refuses it. */
  time: Reply | undefined;

  private constructor(options: ConnectionOptions) {
    const address = options.dial ?? options.address;
    this.#redis = new Redis({
      host: address.host,
      port: address.port,
      ...(options.tls === undefined ? {} : { tls: {} }),
      Connector: connectorFor(address, options.tls, (socket) => {
        this.#socket = socket;
      }) as never,
      lazyConnect: true,
      protocol: 2,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      disableClientInfo: true,
      maxRetriesPerRequest: null,
      retryStrategy: null,
      connectTimeout: options.timeout,
      keepAlive: 10_000,
      noDelay: true,
    });
    this.#redis.on("error", (error: Error) => {
      this.#lastError = firstWords(error);
    });
    this.#redis.on("end", () => this.#end());
    this.#signal = options.signal;
    this.#signal.addEventListener("abort", this.#stop);
  }

  /** Dials, authenticates, selects the database and reads INFO; rejects with the first thing that went wrong. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    if (options.signal.aborted) throw closedError();
    const connection = new Connection(options);
    const limit = setTimeout(() => connection.destroy(connection.#late(options.timeout)), options.timeout);
    try {
      await connection.#redis.connect().catch((error: unknown) => {
        throw connection.#lastError ?? error;
      });
      await connection.#handshake(options);
      return connection;
    } catch (error) {
      connection.destroy(error instanceof Error ? error : new Error(String(error)));
      // A reply error names the true cause; an ended connection has it in the error that ended it.
      const first = error instanceof Error && error.name === "ReplyError" ? error : (connection.#lastError ?? error);
      throw await probe(first as Error, { ...options, limit: Math.min(options.timeout, probeLimit) });
    } finally {
      clearTimeout(limit);
    }
  }

  /** Whether a command can be written now. */
  get open(): boolean {
    return !this.#ended && this.#redis.status === "ready" && this.#socket?.writable === true;
  }

  /** Commands that are not answered yet. */
  get outstanding(): number {
    return this.#redis.commandQueue.length;
  }

  /** Bytes received so far. */
  get heard(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  /** Calls back once when the socket has ended, with the reason. */
  onEnd(listener: (reason: Error) => void): void {
    this.#onEnd = listener;
  }

  /**
   * Sends one command; rejects with the server's error, or when the socket ends before the reply. `onRefused` hears of
   * the error first.
   */
  send(name: string, args: readonly Argument[], onRefused?: (error: Error) => void): Promise<Reply> {
    this.#cork();
    const command = new Command(name, args as Argument[], { replyEncoding: "utf8" });
    const reply = this.#redis.sendCommand(command) as Promise<Reply>;
    if (onRefused === undefined) return reply.catch(rethrowWithoutArguments);
    return reply.catch((error: Error) => {
      onRefused(error);
      return rethrowWithoutArguments(error);
    });
  }

  /** Whether this connection has already sent that script's source. */
  knows(sha1: string): boolean {
    return this.#scripts.has(sha1);
  }

  learn(sha1: string): void {
    this.#scripts.add(sha1);
  }

  forget(sha1: string): void {
    this.#scripts.delete(sha1);
  }

  /** Signs in, also anew while the connection is in use; rejects with the server's refusal, which leaves it as it was. */
  async signIn({ username, password }: SignIn): Promise<void> {
    if (password !== undefined) await this.send("auth", username === undefined ? [password] : [username, password]);
  }

  /** Reads INFO and TIME anew; rejects when the server refuses INFO, or the connection is lost. */
  async readInfo(): Promise<void> {
    const [info, time] = await Promise.all([this.send("info", []), this.send("time", []).catch(() => undefined)]);
    this.info = parseInfo(String(info));
    this.time = time;
  }

  /** Calls back for each message of the channels that `subscribe` was sent for. */
  onMessage(listener: (channel: string, message: string) => void): void {
    this.#redis.on("message", listener);
  }

  /** Ends the socket at once; outstanding replies reject. */
  destroy(reason?: Error): void {
    if (this.#ended) return;
    if (reason !== undefined) this.#lastError = reason;
    const socket = this.#socket;
    if (socket === undefined) this.#redis.disconnect();
    else socket.destroy();
    // A socket that never connected may close without ioredis noticing; our own end must not depend on it.
    if (this.#redis.status !== "ready") this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#stop);
    this.#onEnd(this.#lastError ?? new Error("the server closed the connection"));
  }

  #cork(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#corked) {
      this.#batch += 1;
      if (this.#batch % batchSize > 0) return;
      socket.uncork();
      socket.cork();
      return;
    }
    this.#corked = true;
    this.#batch = 0;
    socket.cork();
    // setImmediate runs after all sockets readable in this turn were served: their commands leave in one write.
    setImmediate(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  /** What the credentials are now; rejects when the connection ends while a function is still being asked for them. */
  async #ask(credentials: Credentials): Promise<SignIn> {
    const ended = new Promise<never>((_, reject) => {
      this.#onEnd = reject;
    });
    this.#waitsForCredentials = true;
    const signIn = await Promise.race([credentials.read(), ended]);
    this.#waitsForCredentials = false;
    this.#onEnd = () => undefined;
    return signIn;
  }

  #late(timeout: number): Error {
    if (this.#waitsForCredentials) return new Error(`the credentials were not given within ${timeout} ms`);
    return Object.assign(new Error(`no answer within ${timeout} ms`), { code: "ETIMEDOUT" });
  }

  async #handshake(options: ConnectionOptions): Promise<void> {
    const signIn = await this.#ask(options.credentials);
    const signedIn = this.signIn(signIn).catch((error: unknown) => {
      if (isReply(error)) options.credentials.refused();
      throw error;
    });
    const replies: Promise<unknown>[] = [signedIn];
    // A wrong database number would otherwise write into database 0 without a word.
    if (options.database !== 0) replies.push(this.send("select", [options.database]));
    const name = this.send("client", ["setname", options.name]);
    const info = this.send("info", []);
    const time = this.send("time", []).catch(() => undefined);
    // A server that refuses CLIENT or INFO to this user still serves; the name and the diagnosis are what is lost.
    const unnamed = name.then(
      () => undefined,
      (error: unknown) => error,
    );
    info.catch(() => undefined);
    await Promise.all(replies);
    const text = await info.catch(async (error: Error) => {
      if (/^NOAUTH|^LOADING/.test(error.message)) throw error;
      if (isReply(error)) return "";
      // A server that is full turns away whoever comes, and what it says looks like the answer to the first command.
      const refusal = await unnamed;
      throw isReply(refusal) && turnsAway.test(refusal.message) ? refusal : error;
    });
    if (typeof text === "string" && text !== "") this.info = parseInfo(text);
    this.time = await time;
    // TIME may be refused, and so may have been lost with the connection: whoever gets it must hear of its end.
    if (this.#ended) throw this.#lastError ?? new Error("the server closed the connection");
    if (this.info?.loading === true) throw new Error("LOADING the server is loading its data");
  }
}

function closedError(): Error {
  return new Error("the backend was closed");
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** What a server said before it was asked anything; to ioredis that is a fault of its own. */
function firstWords(error: Error): Error {
  const words = /^Command queue state error.* Last error: (.*)$/s.exec(error.message)?.[1];
  return words === undefined ? error : new Error(words);
}

/**
 * ioredis hangs the command on an error reply, and a server that does not know a command repeats what it was given: a
 * password, or a session, that a log of the error would show.
 */
function rethrowWithoutArguments(error: unknown): never {
  if (!(error instanceof Error)) throw error;
  delete (error as { command?: unknown }).command;
  const message = error.message.replace(/, with args beginning with:.*/s, "");
  if (message !== error.message) throw Object.assign(new Error(message), { name: error.name });
  throw error;
}
