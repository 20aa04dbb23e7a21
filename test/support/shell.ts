import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { guard, unguard } from "./guardian.js";
import { until } from "./until.js";

let started = 0;

/** A command line as bash runs it, with an environment of its own: of ours it gets only the PATH. It ends with this process. */
export class Shell {
  readonly #process: ChildProcess;
  #stdout = "";
  #stderr = "";
  #code: number | null | undefined;
  /** Resolves with the exit code when the shell is gone and all output was read; null after a signal. */
  readonly exited: Promise<number | null>;

  constructor(commands: string, environment: Readonly<Record<string, string>> = {}) {
    started += 1;
    const key = `shell ${started}`;
    // A group of its own, so that what the shell started ends with it.
    this.#process = spawn("bash", ["-c", commands], {
      env: { PATH: process.env["PATH"], ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { pid, stdout, stderr } = this.#process;
    if (pid !== undefined) guard(key, pid);
    stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#process.on("error", (error) => (this.#stderr += error.message));
    this.exited = once(this.#process, "close").then(([code]) => {
      unguard(key);
      this.#code = code as number | null;
      return this.#code;
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The first match in what it has printed so far. Rejects at the deadline, or when it ended without, with its errors. */
  async printed(pattern: RegExp, deadline = 15_000): Promise<string> {
    const found = await until(() => pattern.exec(this.#stdout) ?? (this.#code === undefined ? undefined : "ended"), {
      what: `${String(pattern)} in the output`,
      deadline,
    }).catch((error: Error) => {
      throw new Error(`${error.message}; its errors:\n${this.#stderr}`, { cause: error });
    });
    if (found === "ended") throw new Error(`it ended (code ${this.#code}) before that; its errors:\n${this.#stderr}`);
    return found[0];
  }

  /** Ends it and what it started, at once. */
  async stop(): Promise<void> {
    const { pid } = this.#process;
    try {
      if (pid !== undefined && this.#code === undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has just ended, and its output is still being read.
    }
    await this.exited;
  }
}
