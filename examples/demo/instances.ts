import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startChild, type Child } from "../../test/support/child.js";
import { freePort } from "../../test/support/servers/free-port.js";
import type { AppName } from "./app.js";
import type { ChildMessage } from "./instance.js";
import { serve, type DemoEvent, type InstanceSettings } from "./serve.js";

/** How many instances each app has. */
export const instancesPerApp = 3;

/** Timers of Node end at 2^31 - 1 ms: as long as a process can be allowed to live. */
const forEver = 2_147_483_647;
const startLimit = 30_000;
const stopLimit = 20_000;
const keptEvents = 50;

/** An instance that runs, in this process or in one of its own. */
interface Running {
  readonly pid: number;
  /** What it has told since the last call. */
  news(): readonly DemoEvent[];
  /** Ends it in order. Resolves with what went wrong, if something did. */
  stop(): Promise<string | undefined>;
}

/** One of the instances behind the balancer; after a stop it can be started again on its port. */
export class Instance {
  readonly settings: InstanceSettings;
  readonly #events: DemoEvent[] = [];
  #running: Running | undefined;
  #state: "running" | "stopping" | "stopped" = "stopped";

  constructor(settings: InstanceSettings) {
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  get port(): number {
    return this.settings.port;
  }

  get state(): "running" | "stopping" | "stopped" {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** What happened to it, oldest first; the last 50. */
  get events(): readonly DemoEvent[] {
    this.#keep(...(this.#running?.news() ?? []));
    return this.#events;
  }

  /** Resolves when it listens, and its servers answer. */
  async start(): Promise<void> {
    if (this.#state !== "stopped") return;
    this.#running = await (this.settings.embedded ? runHere(this.settings) : runAsChild(this.settings));
    this.#become("running");
  }

  /** Ends it as SIGTERM does; resolves when it is gone. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined || this.#state !== "running") return;
    this.#become("stopping");
    const trouble = await running.stop();
    this.#keep(...running.news());
    this.#running = undefined;
    this.#become("stopped", trouble);
  }

  #become(state: Instance["state"], trouble?: string): void {
    this.#state = state;
    const text = trouble === undefined ? state : `${state}: ${trouble}`;
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
  return {
    pid: process.pid,
    news: () => told.splice(0),
    stop: () => serving.stop().then(() => undefined),
  };
}

async function runAsChild(settings: InstanceSettings): Promise<Running> {
  const child = startChild(fileURLToPath(new URL("./instance.js", import.meta.url)), { lifetime: forEver });
  try {
    await child.send(settings);
    const answer = await child.message(isOutcome, { deadline: startLimit });
    if ("failed" in answer) throw new Error(answer.failed);
  } catch (error) {
    await child.stop();
    throw error;
  }
  let seen = 0;
  const news = (): DemoEvent[] => {
    const fresh = child.messages.slice(seen);
    seen += fresh.length;
    return fresh.flatMap((message) => (isMessage(message) && "event" in message ? [message.event] : []));
  };
  return { pid: child.pid ?? 0, news, stop: () => endChild(child) };
}

async function endChild(child: Child): Promise<string | undefined> {
  const exit = await Promise.race([child.kill("SIGTERM"), sleep(stopLimit, undefined, { ref: false })]);
  if (exit === undefined) {
    await child.stop();
    return `killed, because it had not ended ${stopLimit / 1_000} s after SIGTERM`;
  }
  if (exit.code === 0) return undefined;
  return `ended with code ${exit.code}, signal ${exit.signal} ${child.stderr.slice(-500)}`;
}

function isMessage(message: unknown): message is ChildMessage {
  return typeof message === "object" && message !== null;
}

function isOutcome(message: unknown): message is Exclude<ChildMessage, { readonly event: DemoEvent }> {
  return isMessage(message) && ("ready" in message || "failed" in message);
}
