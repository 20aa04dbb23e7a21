import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeServer, integer, silence } from "./fake-server.js";
import { openBackend, rejection } from "./open-backend.js";

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.stop());

test("a hint whose reply was lost is sent again, and may so be heard twice", async () => {
  let lost = 0;
  server.answer(([name], connection) => {
    if (name !== "PUBLISH") return undefined;
    if ((lost += 1) > 1) return integer(1);
    connection.reset();
    return silence;
  });
  await openBackend({ nodes: [server] }).publish("test:hint:news", "hello");
  expect(server.count("PUBLISH")).toBe(2);
});

test("a hint that nobody answers for may have been heard", async () => {
  server.answer(([name]) => (name === "PUBLISH" ? silence : undefined));
  const error = await rejection(openBackend({ nodes: [server] }).publish("test:hint:news", "hello", { deadline: 100 }));
  expect(error).toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "maybe" });
});
