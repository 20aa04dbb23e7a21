import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeCommand } from "../support/resp-parser.js";
import type { RespClientOptions } from "../support/resp-client.js";

/** One command that a server carried out, with the address of who sent it; `lua` for one inside a script. */
export interface Executed {
  readonly client: string;
  readonly words: readonly string[];
}

const line = /^\+\d+\.\d+ \[\d+ (\S+)\] (.*)$/;
const word = /"((?:[^"\\]|\\.)*)"/g;

/** Everything that one server is asked to do, from now on. What AUTH is sent with, servers do not show. */
export class Monitor {
  readonly executed: Executed[] = [];
  readonly #options: RespClientOptions;
  #socket: Socket | undefined;
  #rest = "";
  #stopped = false;

  private constructor(options: RespClientOptions) {
    this.#options = options;
  }

  /** Resolves when the server has begun to tell. */
  static async start(options: RespClientOptions): Promise<Monitor> {
    const monitor = new Monitor(options);
    const socket = monitor.#open();
    await once(socket, "data");
    return monitor;
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #open(): Socket {
    const { host, port, password } = this.#options;
    const socket = connect({ host, port });
    this.#socket = socket;
    this.#rest = "";
    socket.on("data", (bytes) => this.#read(bytes.toString("latin1")));
    socket.on("error", () => undefined);
    // A sentinel has a server end all connections when it makes it a primary.
    socket.on("close", () => this.#stopped || this.#open());
    if (password !== undefined) socket.write(encodeCommand(["AUTH", password]));
    socket.write(encodeCommand(["MONITOR"]));
    return socket;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\r\n");
    this.#rest = lines.pop() ?? "";
    for (const each of lines) {
      const [, client = "", command = ""] = line.exec(each) ?? [];
      if (client !== "")
        this.executed.push({ client, words: [...command.matchAll(word)].map((match) => match[1] ?? "") });
    }
  }
}

/** The commands of clients that named themselves with a prefix, and those of scripts. */
export function commandsOf(monitors: readonly Monitor[], prefix: string): readonly (readonly string[])[] {
  return monitors.flatMap(({ executed }) => {
    const named = executed.filter(({ words: [name, verb, given] }) => {
      return /^client$/i.test(name ?? "") && /^setname$/i.test(verb ?? "") && given?.startsWith(prefix);
    });
    const clients = new Set(["lua", ...named.map(({ client }) => client)]);
    return executed.filter(({ client }) => clients.has(client)).map(({ words }) => words);
  });
}
