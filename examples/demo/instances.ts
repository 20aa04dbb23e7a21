import { fileURLToPath } from "node:url";
import { startChild, type Child, type ChildExit } from "../../test/support/child.js";
import { freePort } from "../../test/support/servers/free-port.js";
import type { AppName } from "./app.js";
import { explain } from "./explain.js";
import type { ChildMessage } from "./instance.js";
import { serve, type DemoEvent, type InstanceSettings } from "./serve.js";

/** How many instances each app has. */
export const instancesPerApp = 3;

/** Timers of Node end at 2^31 - 1 ms: as long as a process can be allowed to live. */
const forEver = 2_147_483_647;
const startLimit = 30_000;
const stopLimit = 20_000;
const keptEvents = 50;

export type InstancePhase = "stopped" | "starting" | "running" | "stopping";

/** An instance that runs, in this process or in one of its own. */
interface Running {
  readonly pid: number;
  /** What it has told since the last call. */
  news(): readonly DemoEvent[];
  /** Has it end in order. */
  stop(): void;
  /** Ends it at once; absent where it shares this process. */
  readonly kill?: () => void;
  /** Resolves when it is gone: with what was not in order, if something. */
  readonly gone: Promise<string | undefined>;
}

/** One of the instances behind the balancer; after its end it can be started again on its port. */
export class Instance {
  readonly settings: InstanceSettings;
  readonly #events: DemoEvent[] = [];
  readonly #closing = new AbortController();
  #running: Running | undefined;
  #phase: InstancePhase = "stopped";
  #asked: "stop" | "kill" | undefined;
  #started: Promise<void> = Promise.resolve();
  #gone: Promise<void> = Promise.resolve();

  constructor(settings: InstanceSettings) {
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  get port(): number {
    return this.settings.port;
  }

  get phase(): InstancePhase {
    return this.#phase;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Whether it can be killed: it runs in a process of its own. */
  get killable(): boolean {
    return this.#running?.kill !== undefined;
  }

  /** What happened to it, oldest first; the last 50. */
  get events(): readonly DemoEvent[] {
    this.#keep(...(this.#running?.news() ?? []));
    return this.#events;
  }

  /** Resolves when it listens, and its servers answer; rejects when it cannot be started. Does nothing while it runs. */
  start(): Promise<void> {
    if (this.#phase !== "stopped") return this.#started;
    this.#started = this.#start();
    return this.#started;
  }

  /** Ends it as SIGTERM does; resolves when it is gone. */
  stop(): Promise<void> {
    if (this.#phase === "running") this.#end("stop");
    return this.#gone;
  }

  /** Ends it with SIGKILL, also while it is being stopped; resolves when it is gone. */
  kill(): Promise<void> {
    if (this.killable) this.#end("kill");
    return this.#gone;
  }

  /** Ends it for good, whatever is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#started.catch(() => undefined);
    await this.stop();
  }

  async #start(): Promise<void> {
    this.#become("starting");
    try {
      const { signal } = this.#closing;
      signal.throwIfAborted();
      const running = await (this.settings.embedded ? runHere(this.settings) : runAsChild(this.settings, signal));
      this.#running = running;
      this.#asked = undefined;
      this.#gone = running.gone.then((trouble) => this.#leave(running, trouble));
      this.#become("running");
    } catch (error) {
      this.#become("stopped", `it could not be started: ${explain(error)}`);
      throw error;
    }
  }

  #end(how: "stop" | "kill"): void {
    this.#asked = how;
    this.#become("stopping");
    this.#running?.[how]?.();
  }

  #leave(running: Running, trouble: string | undefined): void {
    this.#keep(...running.news());
    this.#running = undefined;
    if (this.#asked === "stop") this.#become("stopped", trouble);
    else if (this.#asked === "kill") this.#become("stopped", "killed");
    else this.#become("stopped", `unasked, it ${trouble ?? "ended"}`);
  }

  #become(phase: InstancePhase, trouble?: string): void {
    this.#phase = phase;
    const text = trouble === undefined ? phase : `${phase}: ${trouble}`;
    this.#keep({ at: Date.now(), instance: this.name, kind: "instance", text });
  }

  #keep(...events: readonly DemoEvent[]): void {
    this.#events.push(...events);
    this.#events.splice(0, this.#events.length - keptEvents);
  }
}

/** The instances of one app, not yet started. */
export async function instancesOf(
  app: AppName,
  common: Pick<InstanceSettings, "secret" | "namespace" | "embedded">,
): Promise<readonly Instance[]> {
  const ports = await Promise.all(Array.from({ length: instancesPerApp }, () => freePort()));
  return ports.map((port, index) => new Instance({ ...common, app, name: `${app}-${index + 1}`, port }));
}

async function runHere(settings: InstanceSettings): Promise<Running> {
  const told: DemoEvent[] = [];
  const serving = await serve(settings, (event) => told.push(event));
  let leave: (trouble: string | undefined) => void = () => undefined;
  const gone = new Promise<string | undefined>((resolve) => (leave = resolve));
  return {
    pid: process.pid,
    news: () => told.splice(0),
    stop: () =>
      void serving.stop().then(
        () => leave(undefined),
        (error: unknown) => leave(explain(error)),
      ),
    gone,
  };
}

async function runAsChild(settings: InstanceSettings, signal: AbortSignal): Promise<Running> {
  const child = startChild(fileURLToPath(new URL("./instance.js", import.meta.url)), { lifetime: forEver });
  const giveUp = (): void => void child.stop();
  signal.addEventListener("abort", giveUp);
  try {
    await child.send(settings);
    const answer = await child.message(isOutcome, { deadline: startLimit });
    if ("failed" in answer) throw new Error(answer.failed);
  } catch (error) {
    await child.stop();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  return runningChild(child);
}

function runningChild(child: Child): Running {
  let seen = 0;
  let overdue: NodeJS.Timeout | undefined;
  return {
    pid: child.pid ?? 0,
    news: () => {
      const fresh = child.messages.slice(seen);
      seen += fresh.length;
      return fresh.flatMap((message) => (isMessage(message) && "event" in message ? [message.event] : []));
    },
    stop: () => {
      overdue = setTimeout(() => void child.stop(), stopLimit);
      void child.kill("SIGTERM");
    },
    kill: () => void child.kill("SIGKILL"),
    gone: child.exited.then((exit) => {
      clearTimeout(overdue);
      return exit.code === 0 ? undefined : inWords(exit, child.stderr);
    }),
  };
}

function inWords({ code, signal }: ChildExit, errors: string): string {
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  return `${how} ${errors.slice(-500)}`.trim();
}

function isMessage(message: unknown): message is ChildMessage {
  return typeof message === "object" && message !== null;
}

function isOutcome(message: unknown): message is Exclude<ChildMessage, { readonly event: DemoEvent }> {
  return isMessage(message) && ("ready" in message || "failed" in message);
}
