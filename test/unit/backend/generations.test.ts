import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../support/until.js";
import { bulk, FakeServer, info, list } from "./fake-server.js";
import { openBackend, rejection } from "./open-backend.js";

// The script itself is tested on real servers; here a server tells whatever the test wants of itself.

const [first, second, third] = ["a", "b", "c"].map((letter) => letter.repeat(40)) as [string, string, string];
const run = "f".repeat(40);

let server: FakeServer;
let fields: Record<string, string>;
/** What the script was told of servers, oldest first. */
let noted: string[];
let holdsNotes: boolean;
beforeEach(async () => {
  fields = { master_replid: first, master_replid2: "0".repeat(40), run_id: run, uptime_in_seconds: "100" };
  noted = [];
  holdsNotes = false;
  server = await FakeServer.start((words) => {
    const [name] = words;
    if (name === "INFO") return info(fields);
    if (name === "TIME") return list(bulk("1000"), bulk("500000"));
    if (name !== "EVAL" && name !== "EVALSHA") return undefined;
    if (holdsNotes) return "";
    const servers = words.at(-1) ?? "";
    noted.push(servers);
    return list(bulk("OK"), bulk(servers.replaceAll(/(\w+),[^;]*;/g, "$1:77;")));
  });
});
afterEach(() => server.stop());

const key = "test:room:{a}:x";

test("a replica has the history of its primary, and tells nothing of when that began", async () => {
  const backend = openBackend({ nodes: [server] });
  expect(await backend.generation(key)).toEqual({ replicationId: first, since: 77 });
  // Made a replica by hand: its connections stay, and after a full resynchronization no second id is left.
  fields = { ...fields, role: "slave", master_replid: second };
  const asked = backend.generation(key, { not: first });
  await until(() => server.accepted > 1, { what: "the connection to be given up" });
  fields = { ...fields, role: "master", master_replid: third, master_replid2: second };
  expect(await asked).toEqual({ replicationId: third, since: 77 });
  expect(noted.join("")).not.toContain(second);
});

test("is known by the deadline of the call, or the call fails", async () => {
  const backend = openBackend({ nodes: [server] });
  await backend.ready();
  holdsNotes = true;
  const before = performance.now();
  const error = await rejection(backend.generation(key, { deadline: 300 }));
  expect(error.code).toBe("ERR_FLEET_TIMEOUT");
  expect(performance.now() - before).toBeLessThan(1_500);
});

test("a server that nobody has noted started at most when it says so: its seconds are whole", async () => {
  const backend = openBackend({ nodes: [server] });
  await backend.generation(key);
  // Its clock shows 1000.5 s; with 100 s of uptime it started between 899.5 s and 901.5 s.
  expect(noted).toEqual([`${first},0,${run},1000500,901500;`]);
});

test("an id of nothing but zeros is none: it would be the same after a failover", async () => {
  fields = { ...fields, master_replid: "0".repeat(40) };
  const backend = openBackend({ nodes: [server] });
  expect(await backend.generation(key)).toBeUndefined();
  expect(noted).toEqual([]);
});

test("a server whose clock or process is not told has no generation, and nobody is asked for it", async () => {
  fields = { ...fields, run_id: "0".repeat(40) };
  const backend = openBackend({ nodes: [server] });
  expect(await backend.generation(key)).toBeUndefined();
  expect(noted).toEqual([]);
});
