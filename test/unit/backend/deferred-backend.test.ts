import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { DeferredBackend } from "../../../src/backend/deferred-backend.js";
import { KeySpace } from "../../../src/backend/keys.js";
import { until } from "../../support/until.js";
import { bulk, FakeServer, integer, list } from "./fake-server.js";
import { openBackendUntilClosed, rejection } from "./open-backend.js";

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start(([name, ...channels]) =>
    name === "SUBSCRIBE"
      ? channels.map((channel, at) => list(bulk("subscribe"), bulk(channel), integer(at + 1))).join("")
      : undefined,
  );
});
afterEach(() => server.stop());

/** A backend whose client is loaded when the test says so. */
function open(): { readonly backend: DeferredBackend; readonly load: () => void } {
  let load: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    load = resolve;
  });
  const backend = new DeferredBackend({
    kind: "single",
    keys: new KeySpace("test"),
    instanceId: "one",
    load: (): Promise<RedisBackend> => gate.then(() => openBackendUntilClosed({ nodes: [server] })),
    onListenerError: (error) => {
      throw error;
    },
  });
  onTestFinished(() => backend.close());
  return { backend, load: () => load() };
}

const deaf = { message: () => undefined, gap: () => undefined };

test("what is listened to before the load is heard after it, unless it was ended meanwhile", async () => {
  const { backend, load } = open();
  const begun: string[] = [];
  backend.subscribe("test:hint:kept", { message: () => undefined, gap: () => begun.push("kept") });
  backend.subscribe("test:hint:ended", { message: () => undefined, gap: () => begun.push("ended") })();
  load();
  await until(() => begun.length > 0, { what: "the listening to begin" });
  expect(begun).toEqual(["kept"]);
  expect(server.received.filter(({ words }) => words.includes("test:hint:ended"))).toEqual([]);
});

test("one that is drained before the load fails calls that would wait, and sends nothing after the end", async () => {
  const { backend, load } = open();
  const call = rejection(backend.read("test:room:{a}:x", [["get"]]));
  backend.drain();
  expect(backend.state).toBe("draining");
  load();
  expect((await call).code).toBe("ERR_FLEET_CLOSED");
  await backend.close();
  expect(server.calls()).toEqual([]);
});

test("one that is closed before the load opens nothing, fails its calls, and takes no listener", async () => {
  const { backend, load } = open();
  backend.subscribe("test:hint:news", deaf);
  const call = rejection(backend.read("test:room:{a}:x", [["get"]]));
  await backend.close();
  expect(() => backend.subscribe("test:hint:news", deaf)).toThrow(/closed/);
  load();
  expect((await call).code).toBe("ERR_FLEET_CLOSED");
  expect((await rejection(backend.ready())).code).toBe("ERR_FLEET_CLOSED");
  await until(() => server.open === 0, { what: "every connection to end" });
  expect(server.count("SUBSCRIBE")).toBe(0);
});
