import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoState } from "../../../examples/demo/demo-state.js";
import { startChild, type Child } from "../../support/child.js";
import { HttpClient, type HttpResponse } from "../../support/http-client.js";
import { until } from "../../support/until.js";

const main = fileURLToPath(new URL("../../../build/examples/demo/main.js", import.meta.url));

/** The demo as `npm run demo` runs it, without its trials. */
export class RunningDemo {
  /** Of the page. */
  readonly page: string;
  readonly #origin: string;
  readonly #child: Child;
  readonly #client: HttpClient;
  readonly #folder: string;

  private constructor(child: Child, origin: string, folder: string) {
    this.#child = child;
    this.page = origin;
    this.#origin = origin.replace("localhost", "127.0.0.1");
    this.#folder = folder;
    this.#client = new HttpClient(this.#origin);
  }

  /** Starts it and resolves when its page can be used. */
  static async start(kind: "single" | "sentinel" | "cluster"): Promise<RunningDemo> {
    // All that it starts has its files here, so that they can be found by it.
    const folder = mkdtempSync(join(tmpdir(), "express-fleet-demo-"));
    const child = startChild(main, { arguments: [kind, "--no-trials"], environment: { PORT: "0", TMPDIR: folder } });
    try {
      const origin = await until(() => /http:\/\/localhost:\d+/.exec(child.stdout)?.[0] ?? failed(child), {
        what: "the demo to tell where it listens",
        deadline: 40_000,
      });
      return new RunningDemo(child, origin, folder);
    } catch (error) {
      await child.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      throw error;
    }
  }

  async state(): Promise<DemoState> {
    return (await (await fetch(`${this.#origin}/demo/state`)).json()) as DemoState;
  }

  /** Presses a button: `instances/ours-1/stop`. */
  async press(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const answer = await fetch(`${this.#origin}/demo/${path}`, { method: "POST" });
    return { status: answer.status, body: await answer.json() };
  }

  /** A request of one user to one of the apps. */
  request(path: string, method = "GET"): Promise<HttpResponse> {
    return this.#client.request({ path, method });
  }

  /** Ctrl-C. Resolves with the exit code, and the servers and files that were left behind. */
  async interrupt(): Promise<{ readonly code: number | null; readonly left: readonly string[] }> {
    const { code } = await this.#child.kill("SIGINT");
    return { code, left: [...serversIn(this.#folder), ...(existsSync(this.#folder) ? readdirSync(this.#folder) : [])] };
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.#child.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

function failed(child: Child): undefined {
  if (child.running) return undefined;
  throw new Error(`the demo has ended: ${child.stdout}${child.stderr}`);
}

function serversIn(folder: string): readonly string[] {
  const all = execFileSync("ps", ["-A", "-ww", "-o", "args="], { encoding: "utf8" });
  return all.split("\n").filter((line) => line.includes(folder) && !line.startsWith("ps "));
}
