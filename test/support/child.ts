import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { guard, unguard } from "./guardian.js";
import { until } from "./until.js";

export interface ChildOptions {
  readonly arguments?: readonly string[];
  /** Added to this process' environment; undefined removes a variable. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  /** Milliseconds after which it is killed; default 120 000. */
  readonly lifetime?: number;
}

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was killed because its lifetime was over. */
  readonly overdue: boolean;
}

const keptText = 100_000;
let started = 0;

/**
 * A Node script in a process of its own, which talks to us with `process.send` and `process.on("message")`.
 * It ends when its lifetime is over, and when this process ends. A script that listens to messages stays alive
 * until it calls `process.disconnect()` or `disconnect` is called here.
 */
export class Child {
  readonly #process: ChildProcess;
  readonly #key: string;
  readonly #messages: unknown[] = [];
  #stdout = "";
  #stderr = "";
  #exit: ChildExit | undefined;
  /** Resolves when the process is gone and all its output was read. */
  readonly exited: Promise<ChildExit>;

  constructor(script: string, options: ChildOptions = {}) {
    const { environment = {}, lifetime = 120_000, nodeOptions = [], workingDirectory } = options;
    started += 1;
    this.#key = `child ${started}`;
    // A group of its own: Ctrl-C in a terminal reaches only us, and we end our children in order.
    const child = spawn(process.execPath, [...nodeOptions, script, ...(options.arguments ?? [])], {
      ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
      env: { ...process.env, ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#process = child;
    if (child.pid !== undefined) guard(this.#key, child.pid);
    child.on("error", () => {});
    child.on("message", (message) => this.#messages.push(message));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-keptText);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptText);
    });
    let overdue = false;
    const timer = setTimeout(() => {
      overdue = true;
      child.kill("SIGKILL");
    }, lifetime);
    this.exited = this.#ended(child).then(([code, signal]) => {
      clearTimeout(timer);
      unguard(this.#key);
      this.#exit = { code, signal, overdue };
      return this.#exit;
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** The last 100 000 characters of its standard output. */
  get stdout(): string {
    return this.#stdout;
  }

  /** The last 100 000 characters of its standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Everything that it has sent, oldest first. */
  get messages(): readonly unknown[] {
    return this.#messages;
  }

  /** Sends it a message (plain data). Rejects when it is gone. */
  send(message: object | string | number | boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.send(message, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Closes the channel of messages, so that it can no longer keep the process alive. */
  disconnect(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  /** The first message, from the `after`-th on, that satisfies a check. Rejects at the deadline, or when the process has ended, with its errors. */
  async message<T>(
    matches: (message: unknown) => message is T,
    { deadline = 10_000, after = 0 }: { readonly deadline?: number; readonly after?: number } = {},
  ): Promise<T> {
    const found = await until(
      () => {
        const index = this.#messages.findIndex((message, position) => position >= after && matches(message));
        return index >= 0 ? { index } : this.#exit;
      },
      { what: `a message of child ${this.pid}`, deadline },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; its errors:\n${this.#stderr}`, { cause: error });
    });
    if ("index" in found) return this.#messages[found.index] as T;
    throw new Error(
      `the child ended (code ${found.code}, signal ${found.signal}) before the message; its errors:\n${this.#stderr}`,
    );
  }

  /** Sends a signal, by default SIGTERM, and resolves when the process is gone. */
  kill(signal: NodeJS.Signals = "SIGTERM"): Promise<ChildExit> {
    if (this.running) this.#process.kill(signal);
    return this.exited;
  }

  /** Freezes the process. */
  pause(): void {
    this.#process.kill("SIGSTOP");
  }

  /** Lets a frozen process go on. */
  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** Ends it at once, frozen or not. */
  stop(): Promise<ChildExit> {
    return this.kill("SIGKILL");
  }

  // Not the event "close": it never comes when the channel was disconnected from this side.
  async #ended(child: ChildProcess): Promise<readonly [code: number | null, signal: NodeJS.Signals | null]> {
    const outputs = [child.stdout, child.stderr].flatMap((stream) => (stream === null ? [] : [once(stream, "close")]));
    try {
      const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      await Promise.all(outputs);
      return [code, signal];
    } catch (error) {
      this.#stderr += (error as Error).message;
      return [null, null];
    }
  }
}

/** Starts a script of Node: a compiled one, or a `.mjs` fixture. */
export function startChild(script: string, options?: ChildOptions): Child {
  return new Child(script, options);
}
