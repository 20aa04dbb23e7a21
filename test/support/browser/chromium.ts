import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { guard, unguard } from "../guardian.js";

const answerLimit = 20_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly entry?: { readonly source?: string } };
  readonly result?: object;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: object) => void;
  readonly reject: (error: Error) => void;
}

/** One page in a Chromium without a window, spoken to by the DevTools protocol over two pipes. It ends with this process. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #complaints: string[] = [];
  #session: string | undefined;
  #unread = "";
  #last = 0;

  private constructor(path: string, profile: string) {
    this.#profile = profile;
    const flags = ["--headless", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--no-first-run"];
    // As root there is no sandbox to be had; the only page that is opened is ours.
    const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    this.#process = spawn(path, [...flags, "--disable-dev-shm-usage", ...asRoot, "about:blank"], {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    if (this.#process.pid !== undefined) guard(profile, this.#process.pid, profile);
    const [, , , , output] = this.#process.stdio;
    (output as Readable).setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#process.once("error", (error) => this.#fail(error));
    this.#process.once("exit", () => this.#fail(new Error("the browser has ended")));
  }

  /** Starts a browser with an empty profile and one empty page. */
  static async start(path: string): Promise<Chromium> {
    const browser = new Chromium(path, await mkdtemp(join(tmpdir(), "express-fleet-chromium-")));
    try {
      const { targetId } = (await browser.#send("Target.createTarget", { url: "about:blank" })) as { targetId: string };
      const attached = await browser.#send("Target.attachToTarget", { targetId, flatten: true });
      browser.#session = (attached as { sessionId: string }).sessionId;
      await Promise.all(["Page.enable", "Runtime.enable", "Log.enable"].map((method) => browser.#send(method)));
      return browser;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** What the browser has complained about since the start: errors of scripts, and what the page's policy refused. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  async open(url: string): Promise<void> {
    await this.#send("Page.navigate", { url });
  }

  /** The value of an expression in the page. Rejects with what it threw. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = answer as { result: { value: T }; exceptionDetails?: object };
    if (exceptionDetails !== undefined) throw new Error(`in the page: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Width and height in CSS pixels. */
  async resize(width: number, height: number): Promise<void> {
    await this.#send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
  }

  /** Presses and lets go of a key, as a keyboard does. */
  async pressKey(key: "Enter" | "Tab" | " "): Promise<void> {
    const text = key === "Enter" ? "\r" : key === " " ? " " : "";
    const code = { Enter: 13, Tab: 9, " ": 32 }[key];
    const event = { key, text, windowsVirtualKeyCode: code };
    await this.#send("Input.dispatchKeyEvent", { type: text === "" ? "rawKeyDown" : "keyDown", ...event });
    await this.#send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** A PNG of what is seen, or of the whole page. */
  async screenshot(whole = false): Promise<Buffer> {
    const answer = await this.#send("Page.captureScreenshot", { captureBeyondViewport: whole });
    return Buffer.from((answer as { data: string }).data, "base64");
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    const isRunning = pid !== undefined && exitCode === null && signalCode === null;
    if (isRunning) {
      const gone = once(this.#process, "exit");
      process.kill(-pid, "SIGKILL");
      await gone;
    }
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    unguard(this.#profile);
  }

  #send(method: string, params: object = {}): Promise<object> {
    this.#last += 1;
    const id = this.#last;
    const [, , , input] = this.#process.stdio;
    return new Promise<object>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), answerLimit);
      const settle = <T>(end: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer);
          this.#waiting.delete(id);
          end(value);
        };
      };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      (input as Writable).write(`${JSON.stringify({ id, method, params, sessionId: this.#session })}\0`);
    });
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split("\0");
    this.#unread = messages.pop() ?? "";
    for (const message of messages) this.#take(JSON.parse(message) as Message);
  }

  #take({ id, method, params, result, error }: Message): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (error !== undefined) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
    // That of source "network" is an answer with a status of 400 or more, which a page may well handle.
    const isLogged = method === "Log.entryAdded" && params?.entry?.source !== "network";
    if (isLogged || method === "Runtime.exceptionThrown") this.#complaints.push(JSON.stringify(params));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}
