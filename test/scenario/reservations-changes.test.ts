import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Fleet } from "../../src/index.js";
import type { Registry, ReservationChange } from "../../src/reservations/index.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { until } from "../support/until.js";
import { readyFleet } from "./fleet-for-test.js";

let topology: SingleTopology;
let other: SingleTopology;
beforeAll(async () => {
  [topology, other] = await Promise.all([startSingle(), startSingle()]);
});
afterAll(() => Promise.all([topology?.stop(), other?.stop()]));

interface Instance {
  readonly namespace: string;
  readonly fleet: Fleet;
  readonly documents: Registry;
}

async function instances(
  count: number,
  options: { readonly lease?: number; readonly ownBackend?: boolean } = {},
): Promise<readonly Instance[]> {
  const namespace = `changes-${randomBytes(4).toString("hex")}`;
  const { lease = 60_000, ownBackend = false } = options;
  const backends = ownBackend ? { backends: { reservations: connectionString(other.config) } } : {};
  return Promise.all(
    Array.from({ length: count }, async () => {
      const fleet = await readyFleet({ backend: connectionString(topology.config), namespace, ...backends });
      return { namespace, fleet, documents: fleet.reservations.define("document", { lease }) };
    }),
  );
}

interface Stream {
  readonly events: { readonly id: string; readonly event: string; readonly kind?: string; readonly item?: string }[];
  close(): void;
}

/** The stream of an instance, as a browser that was at another one before asks for it. */
async function listen({ documents }: Instance, lastEventId = ""): Promise<Stream> {
  const server = createServer(documents.router({ owner: () => "anna", session: () => "s1" }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const outgoing = httpRequest({
    port,
    path: "/events",
    headers: { "last-event-id": lastEventId },
    agent: false,
  }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const events: Stream["events"] = [];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("event") !== "")
        events.push({ id: field("id"), event: field("event"), ...(JSON.parse(field("data")) as object) });
    }
  });
  response.on("error", () => undefined);
  const close = (): void => {
    response.destroy();
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  return { events, close };
}

/** What each instance is told from now on. */
async function hear(all: readonly Instance[]): Promise<readonly ReservationChange[][]> {
  const heard = all.map((): ReservationChange[] => []);
  for (const [index, { documents }] of all.entries()) {
    documents.on("change", (change) => void heard[index]?.push(change));
    await documents.following();
  }
  return heard;
}

test("every instance is told of each change once and in order, and of each expiry, which one of them finds", async () => {
  const all = await instances(3, { lease: 1_500 });
  const heard = await hear(all);
  const [one, two] = all as readonly [Instance, Instance];
  await one.documents.reserve("1", { owner: { id: "u1", name: "Anna" }, session: "s1", details: { page: 3 } });
  await two.documents.steal("1", { by: "u2", session: "s2", reason: "urgent" });
  await one.documents.reserve(["2", "3"], { owner: "u1", session: "s1" });
  await one.documents.release("2", { session: "s1" });
  const complete = (): boolean => heard.every((changes) => changes.length >= 7);
  await until(complete, { what: "the changes, and the ends of the leases", deadline: 15_000 });
  for (const changes of heard) {
    const told = changes.map(({ kind, item }) => `${kind} ${item}`);
    expect(told.slice(0, 5)).toEqual(["reserved 1", "stolen 1", "reserved 2", "reserved 3", "released 2"]);
    expect(told.slice(5).toSorted()).toEqual(["expired 1", "expired 3"]);
  }
  expect(heard[2]?.slice(0, 2)).toMatchObject([
    { reservation: { owner: { id: "u1", name: "Anna" }, details: { page: 3 } } },
    { by: { id: "u2" }, reason: "urgent", previous: { owner: { id: "u1" } }, reservation: { owner: { id: "u2" } } },
  ]);
  expect(all.reduce((sum, { fleet }) => sum + fleet.stats().reservations.expired, 0)).toBe(2);
});

test("a room with a backend of its own keeps its reservations there, and tells of changes from there", async () => {
  const all = await instances(2, { ownBackend: true });
  const heard = await hear(all);
  await all[0]?.documents.reserve("1", { owner: "u1", session: "s1" });
  await until(() => heard.every((changes) => changes.length > 0), { what: "the change", deadline: 4_000 });
  expect(await other.server.command("KEYS", `${all[0]?.namespace}:reservations:*`)).not.toEqual([]);
  expect(await topology.server.command("KEYS", `${all[0]?.namespace}:reservations:*`)).toEqual([]);
});

test("a browser goes on with the changes at another instance, and lists anew when they are trimmed", async () => {
  const [one, two] = (await instances(2)) as readonly [Instance, Instance];
  const first = await listen(one);
  await until(() => first.events.length > 0, { what: "the beginning" });
  await two.documents.reserve("1", { owner: "u1", session: "s1" });
  await until(() => first.events.length > 1, { what: "the first change" });
  first.close();
  await two.documents.release("1", { session: "s1" });
  await one.documents.reserve("2", { owner: "u1", session: "s1" });
  const [reset, seen] = first.events;
  expect([reset?.event, seen?.kind]).toEqual(["reset", "reserved"]);
  const second = await listen(two, seen?.id);
  await until(() => second.events.length > 1, { what: "what was missed" });
  await two.documents.release("2", { session: "s1" });
  await until(() => second.events.length > 2, { what: "what came then" });
  expect(second.events.map(({ kind, item }) => `${kind} ${item}`)).toEqual(["released 1", "reserved 2", "released 2"]);
  const log = (await topology.server.command(
    "KEYS",
    `${one.namespace}:reservations:{document}:log`,
  )) as unknown as readonly string[];
  for (const key of log) await topology.server.command("XTRIM", key, "MAXLEN", "1");
  const third = await listen(two, seen?.id);
  await until(() => third.events.length > 0, { what: "an answer" });
  expect(third.events[0]?.event).toBe("reset");
  // As after a failover that lost them all.
  await topology.server.command("DEL", `${one.namespace}:reservations:{document}:log`);
  await until(() => third.events.length > 1, { what: "to be told that changes were lost" });
  await two.documents.reserve("3", { owner: "u1", session: "s1" });
  await until(() => third.events.length > 2, { what: "the next change" });
  expect(third.events.slice(1)).toMatchObject([{ event: "reset" }, { event: "change", item: "3" }]);
});
