import { createServer, type Server } from "node:http";
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Child } from "../support/child.js";
import { HttpClient, type HttpResponse } from "../support/http-client.js";
import { connectionString } from "../support/servers/topology.js";
import type { TopologyConfig } from "../support/servers/running-topology.js";

export interface GroupOptions {
  /** The compiled `reservation-worker.js`. */
  readonly worker: string;
  /** Browsers in all, each signed in as another user, one after another on the instances. */
  readonly clients: number;
}

/** A user with a browser, at one of the instances. */
export interface Client {
  readonly user: string;
  readonly browser: HttpClient;
}

/** What came of one race for one document. */
export interface Race {
  readonly winners: number;
  /** Answers that were neither a grant nor a 423 which names the one winner, since when and until when. */
  readonly others: readonly string[];
}

/** What became of a process that was frozen between the guard and the write. */
export interface Frozen {
  readonly stolen: number;
  /** The status of the write of the one who stole, and of the frozen process' own, which began before. */
  readonly newWrite: number;
  readonly oldWrite: number;
  /** The answer to a request that was sent to the frozen process, whose guard had not looked yet. */
  readonly lateWrite: HttpResponse;
  /** What the table holds at the end. */
  readonly text: string | undefined;
}

const instances = 3;

/** Three processes of one app on one backend, a table that all of them write to, and signed-in users at each. */
export class ReservationGroup {
  readonly #children: readonly Child[];
  readonly #table: Table;
  readonly clients: readonly Client[];

  private constructor(children: readonly Child[], table: Table, clients: readonly Client[]) {
    this.#children = children;
    this.#table = table;
    this.clients = clients;
  }

  /** Resolves when everybody is signed in. */
  static async start(config: TopologyConfig, { worker, clients: count }: GroupOptions): Promise<ReservationGroup> {
    const table = await Table.start();
    const environment = {
      FLEET_BACKEND: connectionString(config),
      FLEET_NAMESPACE: `drill-${randomBytes(4).toString("hex")}`,
      DRILL_TABLE: table.origin,
    };
    const children = Array.from({ length: instances }, () => new Child(worker, { environment, lifetime: 3_600_000 }));
    try {
      const ready = await Promise.all(children.map((child) => child.message(isReady, { deadline: 20_000 })));
      const clients = Array.from({ length: count }, (_, index): Client => {
        const { port } = ready[index % instances] as { port: number };
        return { user: `user${index}`, browser: new HttpClient(`http://127.0.0.1:${port}`, 60_000) };
      });
      const group = new ReservationGroup(children, table, clients);
      await Promise.all(
        clients.map(({ user, browser }) => browser.request({ method: "POST", path: `/login/${user}` })),
      );
      return group;
    } catch (error) {
      await Promise.all(children.map((child) => child.stop()));
      table.stop();
      throw error;
    }
  }

  /** All clients ask for the same document at the same time. */
  async race(item: string): Promise<Race> {
    const answers = await Promise.all(this.clients.map((client) => post(client, "/reserve", { item })));
    const grants = answers.filter(({ status }) => status === 201).map(({ body }) => body);
    const [winner] = grants;
    const others = answers
      .filter(({ status }) => status !== 201)
      .filter(({ status, body: { holder, since, until } }) => {
        const isNamed = holder?.id === winner?.owner.id && since === winner?.since && Number(until) > Number(since);
        return status !== 423 || !isNamed;
      })
      .map(({ status, body }) => `${status} ${JSON.stringify(body)}`);
    return { winners: grants.length, others };
  }

  /**
   * The first client's instance is frozen when its guard has let a write pass. The second client, at another instance, takes
   * the document over and writes; then the frozen one goes on.
   */
  async freeze(item: string): Promise<Frozen> {
    const [one, two] = this.clients as readonly [Client, Client];
    const [child] = this.#children as readonly [Child];
    const { body } = await post(one, "/reserve", { item });
    const after = child.messages.length;
    const slow = put(one, `/documents/${item}?slowly`, "old", body.token);
    await child.message(isWriting, { after });
    child.pause();
    try {
      const late = put(
        { ...one, browser: sibling(one.browser, this.#originOf(one)) },
        `/documents/${item}`,
        "late",
        body.token,
      );
      const { status: stolen, body: taken } = await post(two, `/${item}/steal`, { reason: "left open" });
      const newWrite = await put(two, `/documents/${item}`, "new", taken.reservation?.token);
      child.resume();
      await child.send("write");
      const [{ status: oldWrite }, lateWrite] = await Promise.all([slow, late]);
      return { stolen, newWrite: newWrite.status, oldWrite, lateWrite, text: this.#table.textOf(item) };
    } finally {
      child.resume();
    }
  }

  async stop(): Promise<void> {
    for (const { browser } of this.clients) browser.close();
    await Promise.all(this.#children.map((child) => child.stop()));
    this.#table.stop();
  }

  #originOf(client: Client): string {
    const index = this.clients.indexOf(client) % instances;
    const ready = this.#children[index]?.messages.find(isReady);
    return `http://127.0.0.1:${ready?.port}`;
  }
}

interface Answer {
  readonly status: number;
  readonly body: {
    readonly token?: number;
    readonly owner: { readonly id: string };
    readonly since?: number;
    readonly until?: number;
    readonly holder?: { readonly id: string };
    readonly reservation?: { readonly token: number };
  };
}

async function post({ browser }: Client, path: string, body: object): Promise<Answer> {
  const { status, text: answer } = await browser.request({ method: "POST", path: `/reservations${path}`, body });
  return { status, body: JSON.parse(answer || "{}") as Answer["body"] };
}

function put({ browser }: Client, path: string, written: string, token: number | undefined): Promise<HttpResponse> {
  const headers = { "Reservation-Token": String(token) };
  return browser.request({ method: "PUT", path, headers, body: { text: written } });
}

/** Another connection of the same browser, since the first one waits for its answer. */
function sibling(browser: HttpClient, origin: string): HttpClient {
  const other = new HttpClient(origin, 60_000);
  for (const [name, value] of browser.cookies) other.cookies.set(name, value);
  return other;
}

/** A table of documents, as a database would keep it: it takes no write with an older token than the last one's. */
class Table {
  readonly #server: Server;
  readonly #rows = new Map<string, { readonly token: number; readonly text: string }>();

  private constructor() {
    this.#server = createServer((req, res) => {
      void text(req).then((body) => {
        const row = JSON.parse(body) as { token: number; text: string };
        const isNewer = (this.#rows.get(req.url ?? "")?.token ?? 0) <= row.token;
        if (isNewer) this.#rows.set(req.url ?? "", row);
        res.writeHead(isNewer ? 204 : 412).end();
      });
    });
  }

  static async start(): Promise<Table> {
    const table = new Table();
    await new Promise<void>((resolve) => void table.#server.listen(0, "127.0.0.1", resolve));
    return table;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  textOf(item: string): string | undefined {
    return this.#rows.get(`/${item}`)?.text;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function isReady(message: unknown): message is { kind: "ready"; port: number } {
  const { kind, message: reason } = message as { kind?: string; message?: string };
  if (kind === "failed") throw new Error(`an instance could not start: ${reason ?? ""}`);
  return kind === "ready";
}

function isWriting(message: unknown): message is { kind: "writing" } {
  return (message as { kind?: string }).kind === "writing";
}
