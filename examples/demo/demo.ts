import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../../test/support/until.js";
import type { AppName } from "./app.js";
import { UsageError, type DemoArguments } from "./arguments.js";
import { Balancer } from "./balancer.js";
import { describeInstance, describeServers, askFleet, type DemoState } from "./demo-state.js";
import { createFront } from "./front.js";
import { actOnInstance, type ActionResult, type InstanceAction } from "./instance-actions.js";
import { instancesOf, type Instance } from "./instances.js";
import type { DemoEvent } from "./serve.js";
import type { ServerAction } from "./server-rules.js";
import { openServers, type RunningServers } from "./servers.js";
import type { Columns } from "./table.js";
import type { Row } from "./trials/run.js";
import { runTrials } from "./trials/run.js";
import type { Subject } from "./trials/trial.js";
import { labels } from "./versions.js";

const shownEvents = 40;
const starting = "The demo is starting.";
const measuring = "The trials are running; they stop and kill by themselves. Wait until they have ended.";

/** What a button acts on. */
export type Action =
  | { readonly on: "instances"; readonly name: string; readonly action: InstanceAction }
  | { readonly on: "servers"; readonly name: string; readonly action: ServerAction };

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
  #acting = 0;
  #serverEvents: readonly DemoEvent[] = [];
  #ready = false;
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

  /** Why the trials cannot be run now, if so. */
  get notMeasurable(): string | undefined {
    if (!this.#ready) return starting;
    if (this.#running !== undefined) return "The trials are running.";
    if (this.#acting > 0) return "Wait until the last button has done its work.";
    const stopped = this.#instances.filter(({ phase }) => phase !== "running").map(({ name }) => name);
    const down = [...stopped, ...(this.#servers?.own?.down ?? [])];
    return down.length === 0 ? undefined : `The trials need everything running: start ${down.join(", ")} first.`;
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
    this.#servers = await openServers(this.#arguments.topology, this.#namespace, (kind, text) =>
      this.#note(kind, text),
    );
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
    this.#ready = true;
  }

  /** Puts both apps through the trials; `onBegin` is told of each. Does nothing while `notMeasurable`; rejects when the demo is closed. */
  async measure(onBegin: (title: string) => void = () => undefined): Promise<void> {
    const servers = this.#servers;
    if (servers === undefined || this.notMeasurable !== undefined) return;
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

  /** Does what a button asks for; undefined when there is no such instance or server. Rejects when a start fails. */
  async act(asked: Action): Promise<ActionResult | undefined> {
    const work = this.#workOf(asked);
    if (work === undefined) return undefined;
    if (this.#closed !== undefined) return { refused: "The demo is ending." };
    if (!this.#ready) return { refused: starting };
    if (this.#running !== undefined) return { refused: measuring };
    this.#acting += 1;
    try {
      return await work();
    } finally {
      this.#acting -= 1;
    }
  }

  /** What there is to see now. */
  async state(): Promise<DemoState> {
    const [own, fleet] = await Promise.all([this.#servers?.own?.list() ?? [], askFleet(this.#instances)]);
    return {
      words: this.words,
      columns: this.columns,
      ready: this.#ready,
      running: this.#running,
      rows: this.#rows,
      instances: this.#instances.map((instance) =>
        describeInstance(instance, this.#balancers[instance.settings.app], fleet.instances),
      ),
      servers: describeServers(own, fleet.topology),
      serversAre: this.#servers?.own ? "own" : this.#servers?.embedded === false ? "foreign" : "none",
      events: [...this.#instances.flatMap(({ events }) => events), ...this.#serverEvents]
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
    await Promise.all(this.#instances.map((instance) => instance.close()));
    return this.#servers?.close(this.#used);
  }

  #workOf({ on, name, action }: Action): (() => Promise<ActionResult>) | undefined {
    if (on === "instances") {
      const instance = this.#instances.find((each) => each.name === name);
      return instance && (() => actOnInstance(instance, action));
    }
    const own = this.#servers?.own;
    return own?.has(name) === true ? () => own.act(name, action) : undefined;
  }

  #note(kind: "server" | "takeover", text: string): void {
    const event: DemoEvent = { at: Date.now(), instance: "servers", kind, text };
    this.#serverEvents = [...this.#serverEvents, event].slice(-shownEvents);
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
}
