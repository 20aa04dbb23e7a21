import { createServer, type Server, type Socket } from "node:net";
import {
  FaultList,
  isOrdinary,
  type AffectedCommand,
  type CommandFilter,
  type Fault,
  type HeldCommand,
  type ProxiedCommand,
} from "./proxy-faults.js";
import { ProxyConnection } from "./proxy-connection.js";
import { freePort } from "./servers/free-port.js";
import { addressOf, type ServerAddress } from "./servers/running-topology.js";

export interface TcpProxyOptions {
  readonly target: ServerAddress;
  /** Default: a free one. */
  readonly port?: number;
  /** "resp" (default) looks at commands and answers; "bytes" passes on anything, so faults on commands do not work. */
  readonly protocol?: "resp" | "bytes";
}

/** What went through, since the start or the last `resetCounts`. */
export interface ProxyTraffic {
  /** Connections that were accepted. */
  readonly accepted: number;
  /** Pieces of data as they were read; several writes of a client may arrive in one. */
  readonly chunksFromClient: number;
  readonly bytesFromClient: number;
  readonly bytesFromServer: number;
}

const keptCommands = 10_000;
const noTraffic: ProxyTraffic = { accepted: 0, chunksFromClient: 0, bytesFromClient: 0, bytesFromServer: 0 };

/** A proxy on 127.0.0.1 between clients and one server, which makes the faults of a network. */
export class TcpProxy {
  readonly host: string = "127.0.0.1";
  readonly port: number;
  readonly #resp: boolean;
  readonly #connections = new Set<ProxyConnection>();
  readonly #faults = new FaultList();
  readonly #counts = new Map<string, number>();
  readonly #commands: ProxiedCommand[] = [];
  #target: ServerAddress;
  #listener: Server | undefined;
  #stalled = false;
  #delay = 0;
  #losesMessage: () => boolean = () => false;
  #lostMessages = 0;
  #number = 0;
  #traffic: ProxyTraffic = noTraffic;

  private constructor(port: number, { target, protocol = "resp" }: TcpProxyOptions) {
    this.port = port;
    this.#target = addressOf(target);
    this.#resp = protocol === "resp";
  }

  /** Starts a proxy and resolves when it listens. Rejects when the port is taken. */
  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options.port ?? (await freePort()), options);
    await proxy.#listen();
    return proxy;
  }

  /** Where new connections go. */
  get target(): ServerAddress {
    return this.#target;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#connections.size;
  }

  get traffic(): ProxyTraffic {
    return this.#traffic;
  }

  /** Published messages that `dropMessages` kept from clients, since the start or the last `resetCounts`. */
  get lostMessages(): number {
    return this.#lostMessages;
  }

  /** How often each command came from clients, by its name in upper case. */
  commandCounts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The last 10 000 commands, oldest first. */
  commands(): readonly ProxiedCommand[] {
    return [...this.#commands];
  }

  /** Counts from zero again. */
  resetCounts(): void {
    this.#counts.clear();
    this.#commands.length = 0;
    this.#lostMessages = 0;
    this.#traffic = noTraffic;
  }

  /** Ends every fault: listens again, passes on what was held back, without delay; connections that were cut stay so. */
  async pass(): Promise<void> {
    this.#faults.clear();
    this.delay(0);
    this.dropMessages(0);
    this.#stalled = false;
    for (const connection of this.#connections) connection.resume();
    await this.#listen();
  }

  /**
   * The next so many commands that match are executed, but their answers are swallowed and their connections end.
   * Without a filter: of ordinary commands, not of what a client sends to set up a connection.
   * What was lost appears in the returned list, with the answer.
   */
  dropReplies(count: number = 1, matches: CommandFilter = isOrdinary): readonly AffectedCommand[] {
    return this.#faults.add("drop-reply", count, matches);
  }

  /**
   * The next so many commands that match reach the server twice, one right after the other. The client gets the first answer
   * when both have come; the second appears in the returned list.
   */
  deliverTwice(count: number = 1, matches: CommandFilter = isOrdinary): readonly AffectedCommand[] {
    return this.#faults.add("twice", count, matches);
  }

  /** The next so many commands that match are held back while their client's connection is cut; `deliver` hands them to the server. */
  deliverLate(count: number = 1, matches: CommandFilter = isOrdinary): readonly HeldCommand[] {
    return this.#faults.add("late", count, matches);
  }

  /** Connections are accepted and stay open, but nothing is passed on in either direction until `pass`. */
  stall(): void {
    this.#stalled = true;
    for (const connection of this.#connections) connection.stall();
  }

  /** Like `stall`, of the connections alone that now listen to channels; what is opened later passes. */
  stallSubscribers(): void {
    for (const connection of this.#connections) if (connection.subscribed) connection.stall();
  }

  /**
   * Half-open sockets: the connections that are open now stay so, but nothing is passed on in either direction until `pass`;
   * new ones work. Returns how many they are.
   */
  stallOpen(): number {
    for (const connection of this.#connections) connection.stall();
    return this.#connections.size;
  }

  /** That share (0 to 1) of all published messages does not reach its client, which notices nothing, until `pass`. */
  dropMessages(share: number, random: () => number = Math.random): void {
    this.#losesMessage = () => random() < share;
  }

  /** Breaks all connections with a reset; new ones are accepted. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  /** New connections are refused until `pass`; open ones go on. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#listener = undefined;
    // Its callback waits for the open connections, the closing of the port does not.
    listener.close();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Answers reach the client so many milliseconds later. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
    for (const connection of this.#connections) connection.delay(milliseconds);
  }

  /** Sends new connections to another server; open ones stay where they are. */
  switchTo(target: ServerAddress): void {
    this.#target = addressOf(target);
  }

  /** Refuses new connections and cuts the open ones. */
  async stop(): Promise<void> {
    await this.refuse();
    this.cut();
  }

  #listen(): Promise<void> {
    if (this.#listener !== undefined) return Promise.resolve();
    const listener = createServer((client) => this.#accept(client));
    this.#listener = listener;
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen({ host: this.host, port: this.port }, resolve);
    });
  }

  #accept(client: Socket): void {
    this.#number += 1;
    this.#count({ accepted: 1 });
    const connection: ProxyConnection = new ProxyConnection({
      client,
      target: this.#target,
      number: this.#number,
      resp: this.#resp,
      observer: {
        fromClient: (bytes) => this.#count({ chunksFromClient: 1, bytesFromClient: bytes }),
        fromServer: (bytes) => this.#count({ bytesFromServer: bytes }),
        command: (command) => this.#note(command),
        losesMessage: () => this.#countLoss(this.#losesMessage()),
        closed: () => this.#connections.delete(connection),
      },
    });
    this.#connections.add(connection);
    connection.delay(this.#delay);
    if (this.#stalled) connection.stall();
  }

  #count(more: Partial<ProxyTraffic>): void {
    const { accepted, chunksFromClient, bytesFromClient, bytesFromServer } = this.#traffic;
    this.#traffic = {
      accepted: accepted + (more.accepted ?? 0),
      chunksFromClient: chunksFromClient + (more.chunksFromClient ?? 0),
      bytesFromClient: bytesFromClient + (more.bytesFromClient ?? 0),
      bytesFromServer: bytesFromServer + (more.bytesFromServer ?? 0),
    };
  }

  #countLoss(isLost: boolean): boolean {
    if (isLost) this.#lostMessages += 1;
    return isLost;
  }

  #note(command: ProxiedCommand): Fault | undefined {
    this.#counts.set(command.name, (this.#counts.get(command.name) ?? 0) + 1);
    this.#commands.push(command);
    if (this.#commands.length > keptCommands) this.#commands.shift();
    return this.#faults.take(command);
  }
}
