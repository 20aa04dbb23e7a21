import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend, rejection, remember } from "../unit/backend/open-backend.js";

let topology: SingleTopology;
beforeAll(async () => {
  topology = await startSingle({ appendOnly: true });
});
afterAll(() => topology?.stop());

let number = 0;
let keys: string[];
beforeEach(() => {
  number += 1;
  keys = Array.from({ length: 8 }, (_, index) => `test:room:{${number}-${index}}:x`);
});

test("a restart of a server that loses nothing costs no call and no effect", async () => {
  const backend = openBackend(topology.config);
  await backend.ready();
  const callers = startCallers(backend, keys);
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
  await topology.server.kill("SIGKILL");
  await topology.server.restart();
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  const { errors, lost } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
  expect(backend.stats()).toMatchObject({ pending: 0, timeouts: 0 });
});

test("a server that is down for good makes calls fail at once, and nothing of them is done when it is back", async () => {
  const backend = openBackend({ ...topology.config, timeouts: { command: 1_500 } });
  await backend.ready();
  await topology.server.kill("SIGKILL");
  await until(() => backend.state === "down", { what: "the breaker to open" });
  const [key = ""] = keys;
  let slowest = 0;
  for (let count = 0; count < 50; count += 1) {
    const began = performance.now();
    const call = backend.run(
      remember,
      { keys: { key }, args: { operation: `refused-${count}` } },
      { deadline: 60_000 },
    );
    expect(await rejection(call)).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    slowest = Math.max(slowest, performance.now() - began);
  }
  // Promised are 20 ms.
  expect(slowest).toBeLessThan(100);
  expect(backend.stats()).toMatchObject({ refused: 50, pending: 0 });
  await topology.server.restart();
  await until(() => backend.state === "ready", { what: "the server to be found again" });
  expect(await backend.run(remember, { keys: { key }, args: { operation: "served" } })).toEqual(["OK", 1]);
});
