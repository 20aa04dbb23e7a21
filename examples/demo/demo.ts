import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Topology } from "express-fleet";
import { until } from "../../test/support/until.js";
import type { AppName } from "./app.js";
import { UsageError, type DemoArguments } from "./arguments.js";
import { Balancer } from "./balancer.js";
import { createFront } from "./front.js";
import { Instance, instancesOf } from "./instances.js";
import type { DemoEvent } from "./serve.js";
import { openServers, type RunningServers } from "./servers.js";
import type { Columns } from "./table.js";
import type { Row } from "./trials/run.js";
import { runTrials } from "./trials/run.js";
import type { Subject } from "./trials/trial.js";
import { labels } from "./versions.js";

const shownEvents = 40;
const starting = "The demo is starting.";

/** What the page shows; plain data. */
export interface DemoState {
  readonly words: string;
  readonly columns: Columns;
  /** The trial that runs now. */
  readonly running: string | undefined;
  readonly rows: readonly Row[];
  readonly instances: readonly InstanceState[];
  readonly topology: Topology | undefined;
  /** The newest first. */
  readonly events: readonly DemoEvent[];
}

export interface InstanceState {
  readonly name: string;
  readonly app: AppName;
  readonly state: Instance["state"];
  readonly pid: number | undefined;
  readonly port: number;
  /** The balancer hands it requests. */
  readonly available: boolean;
  /** Requests that it has answered. */
  readonly served: number;
}

/** Two apps with their instances behind a balancer, and what was measured at them. */
export class Demo {
  readonly #arguments: DemoArguments;
  readonly #namespace = `fleet-demo-${randomBytes(4).toString("hex")}`;
  readonly #server: Server = createFront(this);
  readonly #balancers: Partial<Record<AppName, Balancer>> = {};
  #instances: readonly Instance[] = [];
  #servers: RunningServers | undefined;
  #rows: readonly Row[] = [];
  #running: string | undefined;
  #used = false;
  #closed: Promise<string | undefined> | undefined;

  constructor(given: DemoArguments) {
    this.#arguments = given;
  }

  /** Where the demo listens. */
  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get words(): string {
    return this.#servers?.words ?? starting;
  }

  get columns(): Columns {
    return labels(this.#servers?.embedded ?? true);
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Whether trials are running. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** The balancer of an app; undefined while the demo starts. */
  balancer(app: AppName): Balancer | undefined {
    return this.#balancers[app];
  }

  /** Listens. Throws `UsageError` when the port cannot be had. */
  async listen(): Promise<void> {
    const { port } = this.#arguments;
    this.#server.listen(port, "127.0.0.1");
    try {
      await once(this.#server, "listening");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code === "EADDRINUSE" ? `port ${port} is taken` : `port ${port} cannot be used (${message})`;
      throw new UsageError(`${reason}; choose another: PORT=${port + 1} npm run demo`);
    }
  }

  /** Starts servers and instances, and resolves when the balancer hands requests to all of them. */
  async start(): Promise<void> {
    this.#servers = await openServers(this.#arguments.topology, this.#namespace);
    const common = {
      secret: randomBytes(32).toString("base64url"),
      namespace: this.#namespace,
      embedded: this.#servers.embedded,
    };
    const usual = await instancesOf("usual", common);
    const ours = await instancesOf("ours", common);
    this.#instances = [...usual, ...ours];
    // Ours first: when the servers cannot be used, its diagnosis is the one to read.
    await Promise.all(ours.map((instance) => instance.start()));
    this.#used = true;
    await Promise.all(usual.map((instance) => instance.start()));
    this.#balancers.usual = new Balancer(usual);
    this.#balancers.ours = new Balancer(ours);
    await Promise.all([this.#allAvailable("usual"), this.#allAvailable("ours")]);
  }

  /** Puts both apps through the trials; `onBegin` is told of each. Does nothing while it is under way; rejects when the demo is closed. */
  async measure(onBegin: (title: string) => void = () => undefined): Promise<void> {
    const servers = this.#servers;
    if (servers === undefined || this.busy) return;
    const rows: Row[] = [];
    this.#running = starting;
    try {
      await runTrials({ usual: this.#subject("usual"), ours: this.#subject("ours") }, servers, {
        onBegin: (title) => {
          this.#goOn();
          this.#running = title;
          onBegin(title);
        },
        onRow: (row) => {
          this.#goOn();
          rows.push(row);
          // An older run's rows stay until they are measured again.
          this.#rows = [...rows, ...this.#rows.slice(rows.length)];
        },
      });
    } finally {
      this.#running = undefined;
    }
  }

  /** What there is to see now. */
  async state(): Promise<DemoState> {
    return {
      words: this.words,
      columns: this.columns,
      running: this.#running,
      rows: this.#rows,
      instances: this.#instances.map((instance) => this.#describe(instance)),
      topology: await this.#topology(),
      events: this.#instances
        .flatMap(({ events }) => events)
        .reverse()
        .sort((one, other) => other.at - one.at)
        .slice(0, shownEvents),
    };
  }

  /** Ends everything that was started; resolves with what could not be cleaned up, if something. */
  close(): Promise<string | undefined> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<string | undefined> {
    if (this.#server.listening) this.#server.close();
    this.#server.closeAllConnections();
    for (const balancer of Object.values(this.#balancers)) balancer.close();
    await Promise.all(this.#instances.map((instance) => instance.stop()));
    return this.#servers?.close(this.#used);
  }

  /** Called between steps: what was measured while everything was being ended means nothing. */
  #goOn(): void {
    if (this.#closed !== undefined) throw new Error("the demo is ending");
  }

  #subject(app: AppName): Subject {
    return {
      app,
      base: new URL(`/${app}/`, this.origin.replace("localhost", "127.0.0.1")),
      instances: this.#instances.filter(({ settings }) => settings.app === app),
      allAvailable: () => this.#allAvailable(app),
    };
  }

  async #allAvailable(app: AppName): Promise<void> {
    const count = this.#instances.filter(({ settings }) => settings.app === app).length;
    const what = `the balancer to reach ${count} instances of ${app}`;
    await until(() => this.#balancers[app]?.available.length === count, { what, deadline: 15_000 });
  }

  #describe(instance: Instance): InstanceState {
    const { name, state, pid, port, settings } = instance;
    const balancer = this.#balancers[settings.app];
    return {
      name,
      app: settings.app,
      state,
      pid,
      port,
      available: balancer?.available.some((target) => target.name === name) ?? false,
      served: balancer?.served(name) ?? 0,
    };
  }

  /** As the first of our instances that answers knows it. */
  async #topology(): Promise<Topology | undefined> {
    for (const { settings, state, port } of this.#instances) {
      if (settings.app !== "ours" || state !== "running") continue;
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/instance`, { signal: AbortSignal.timeout(500) });
        return ((await answer.json()) as { topology: Topology }).topology;
      } catch {
        // Another one may answer.
      }
    }
    return undefined;
  }
}
