import { connect, type Socket } from "node:net";
import type { Fault, LateFault, ProxiedCommand, ReplyFault } from "./proxy-faults.js";
import { RespParser, type RespFrame, type RespValue } from "./resp-parser.js";
import type { ServerAddress } from "./servers/running-topology.js";

/** What a connection asks of its proxy. */
export interface ConnectionObserver {
  fromClient(bytes: number): void;
  fromServer(bytes: number): void;
  /** Counts a command and says what shall happen to it. */
  command(command: ProxiedCommand): Fault | undefined;
  /** Whether a published message shall not reach the client. */
  losesMessage(): boolean;
  closed(): void;
}

export interface ConnectionOptions {
  readonly client: Socket;
  readonly target: ServerAddress;
  readonly number: number;
  /** False: bytes are passed on without a look at them. */
  readonly resp: boolean;
  readonly observer: ConnectionObserver;
}

/** What to do with the server's next answer. */
interface Expected {
  readonly command: ProxiedCommand;
  readonly fault?: ReplyFault;
  /** For a command that was delivered without its client. */
  readonly resolve?: (reply: RespValue) => void;
  /** Of a command that was delivered twice: its first answer waits here for the second. */
  readonly first?: { bytes?: Buffer };
}

const subscribing = new Set(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"]);
/** After these the server sends what is not an answer to a command. */
const streaming = new Set(["PSYNC", "SYNC", "MONITOR"]);

/** One client's connection through the proxy, and its counterpart to the server. */
export class ProxyConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #number: number;
  readonly #observer: ConnectionObserver;
  readonly #commands = new RespParser();
  readonly #replies = new RespParser();
  readonly #expected: Expected[] = [];
  readonly #held: (() => void)[] = [];
  readonly #delayed: Buffer[] = [];
  #raw: boolean;
  #subscribed = false;
  #stalled = false;
  #delay = 0;
  #lastDue = 0;
  /** A fault ended the client's side; nothing more is taken from it. */
  #ended = false;
  /** The server's side stays for a command that is delivered late. */
  #holding = false;
  #closedSides = 0;

  constructor({ client, target, number, resp, observer }: ConnectionOptions) {
    this.#client = client;
    this.#number = number;
    this.#raw = !resp;
    this.#observer = observer;
    this.#server = connect({ host: target.host, port: target.port, noDelay: true });
    client.setNoDelay(true);
    client.on("data", (chunk) => {
      observer.fromClient(chunk.length);
      this.#unlessStalled(() => this.#fromClient(chunk));
    });
    this.#server.on("data", (chunk) => {
      observer.fromServer(chunk.length);
      this.#unlessStalled(() => this.#fromServer(chunk));
    });
    client.on("error", () => {});
    this.#server.on("error", () => {});
    client.on("close", () => this.#unlessStalled(() => this.#clientClosed()));
    this.#server.on("close", (failed) => this.#unlessStalled(() => this.#serverClosed(failed)));
  }

  /** Whether its client listens to channels. */
  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Passes nothing on in either direction, not even the end of a connection, until `resume`. */
  stall(): void {
    this.#stalled = true;
  }

  /** Passes on what came meanwhile, in order. */
  resume(): void {
    this.#stalled = false;
    for (const action of this.#held.splice(0)) action();
  }

  /** Every answer reaches the client so many milliseconds later. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** Breaks both sides with a reset; what was under way is lost. */
  cut(): void {
    this.#held.length = 0;
    this.#stalled = false;
    this.#client.resetAndDestroy();
    this.#server.destroy();
  }

  #unlessStalled(action: () => void): void {
    if (this.#stalled) this.#held.push(action);
    else action();
  }

  #clientClosed(): void {
    if (!this.#holding) this.#server.destroy();
    this.#sideClosed();
  }

  #serverClosed(failed: boolean): void {
    if (failed) this.#client.resetAndDestroy();
    else this.#client.end(Buffer.concat(this.#delayed.splice(0)));
    this.#sideClosed();
  }

  #sideClosed(): void {
    this.#closedSides += 1;
    if (this.#closedSides === 2) this.#observer.closed();
  }

  #fromClient(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#raw) {
      this.#server.write(chunk);
      return;
    }
    for (const frame of this.#commands.push(chunk)) {
      this.#command(frame);
      if (this.#ended) return;
    }
  }

  #command({ value, bytes }: RespFrame): void {
    const words = Array.isArray(value) ? value.map(String) : [String(value)];
    const command: ProxiedCommand = { name: (words[0] ?? "").toUpperCase(), words, connection: this.#number };
    const fault = this.#observer.command(command);
    if (fault?.kind === "late") {
      this.#hold(command, bytes, fault.record);
      return;
    }
    if (streaming.has(command.name)) this.#raw = true;
    if (subscribing.has(command.name)) this.#subscribed = true;
    else this.#expect(command, fault);
    this.#server.write(bytes);
    if (fault?.kind === "twice") this.#server.write(bytes);
  }

  #expect(command: ProxiedCommand, fault: ReplyFault | undefined): void {
    if (fault?.kind !== "twice") {
      this.#expected.push(fault === undefined ? { command } : { command, fault });
      return;
    }
    // The client's answer waits for the second, so that whoever sees it knows that both were executed.
    const first = {};
    this.#expected.push({ command, first }, { command, first, fault });
  }

  #hold(command: ProxiedCommand, bytes: Buffer, record: LateFault["record"]): void {
    const copy = Buffer.from(bytes);
    this.#ended = true;
    this.#holding = true;
    this.#client.resetAndDestroy();
    record({
      command,
      deliver: () =>
        new Promise((resolve, reject) => {
          this.#server.once("close", () =>
            reject(new Error(`the server closed the connection of a late ${command.name}`)),
          );
          this.#expected.push({ command, resolve });
          this.#server.write(copy);
        }),
    });
  }

  #fromServer(chunk: Buffer): void {
    if (this.#raw) {
      this.#toClient(chunk);
      return;
    }
    const passed: Buffer[] = [];
    for (const frame of this.#replies.push(chunk)) {
      if (this.#isPublished(frame) && this.#observer.losesMessage()) continue;
      const expected = this.#isMessage(frame) ? undefined : this.#expected.shift();
      if (expected?.fault?.kind === "drop-reply") {
        expected.fault.record({ command: expected.command, reply: frame.value });
        this.#loseReply(passed);
        return;
      }
      const bytes = this.#answer(frame, expected);
      if (bytes !== undefined) passed.push(bytes);
    }
    if (passed.length > 0) this.#toClient(Buffer.concat(passed));
  }

  /** What the client gets for a frame of the server. */
  #answer({ value, bytes }: RespFrame, expected: Expected | undefined): Buffer | undefined {
    if (expected?.resolve !== undefined) {
      expected.resolve(value);
      this.#server.destroy();
      return undefined;
    }
    if (this.#ended) return undefined;
    if (expected?.first === undefined) return bytes;
    if (expected.fault === undefined) {
      expected.first.bytes = bytes;
      return undefined;
    }
    expected.fault.record({ command: expected.command, reply: value });
    return expected.first.bytes;
  }

  /** Answers of earlier commands still arrive: the client must not take those for lost too. */
  #loseReply(passed: readonly Buffer[]): void {
    this.#ended = true;
    for (const { fault } of this.#expected.splice(0)) if (fault?.kind === "drop-reply") fault.giveBack();
    this.#server.destroy();
    this.#client.end(Buffer.concat([...this.#delayed.splice(0), ...passed]), () => this.#client.destroy());
  }

  #isMessage({ push, value }: RespFrame): boolean {
    if (push) return true;
    return this.#subscribed && Array.isArray(value) && /^(s|p)?(message|(un)?subscribe)$/.test(String(value[0]));
  }

  /** A message of somebody, not the confirmation of a subscription. */
  #isPublished(frame: RespFrame): boolean {
    return this.#isMessage(frame) && Array.isArray(frame.value) && /^(s|p)?message$/.test(String(frame.value[0]));
  }

  #toClient(bytes: Buffer): void {
    if (this.#delay === 0 && this.#delayed.length === 0) {
      this.#client.write(bytes);
      return;
    }
    // Each timer sends the oldest, so that a change of the delay cannot change the order.
    this.#lastDue = Math.max(this.#lastDue, performance.now() + this.#delay);
    this.#delayed.push(bytes);
    setTimeout(() => {
      const next = this.#delayed.shift();
      if (next !== undefined && this.#client.writable) this.#client.write(next);
    }, this.#lastDue - performance.now());
  }
}
