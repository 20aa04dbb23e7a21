import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startChild, type Child } from "../support/child.js";
import { HttpClient } from "../support/http-client.js";
import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";

// examples/locks.ts as a reader runs it: compiled, by its own name, over real HTTP.

const example = fileURLToPath(new URL("../../build/examples/locks.js", import.meta.url));

interface Running {
  readonly child: Child;
  ask(method: string, path: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
}

async function start(environment: Readonly<Record<string, string>>): Promise<Running> {
  const child = startChild(example, { environment: { PORT: "0", ...environment }, lifetime: 60_000 });
  onTestFinished(() => void child.stop());
  const [address = ""] = await until(() => /http:\/\/\S+/.exec(child.stdout), { what: "its address" });
  const ask: Running["ask"] = async (method, path) => {
    // One for each request, so that several can be under way.
    const client = new HttpClient(address);
    try {
      const { status, text } = await client.request({ path, method });
      return { status, body: JSON.parse(text) as Record<string, unknown> };
    } finally {
      client.close();
    }
  };
  return { child, ask };
}

/** Two reindexings at once: one is done, the other is told who is at it. */
async function reindexTwice(one: Running, other: Running, instance: string): Promise<void> {
  const first = one.ask("POST", "/reindex/pages");
  await until(async () => JSON.stringify((await one.ask("GET", "/locks")).body).includes('"reindex pages"'), {
    what: "the first to hold the lock",
  });
  expect(await other.ask("POST", "/reindex/pages")).toMatchObject({
    status: 423,
    body: { code: "ERR_FLEET_LOCK_BUSY", holder: { instance, reason: "reindex" } },
  });
  expect((await other.ask("POST", "/reindex/images")).status).toBe(200);
  expect(await first).toMatchObject({ status: 200, body: { documents: 20 } });
}

test("the example of locks works in memory, and ends by itself after SIGTERM", async () => {
  const app = await start({ FLEET_BACKEND: "memory", FLEET_INSTANCE: "web-1" });
  await Promise.all(Array.from({ length: 20 }, () => app.ask("POST", "/counter")));
  expect((await app.ask("GET", "/counter")).body).toEqual({ count: 20 });
  await reindexTwice(app, app, "web-1");
  expect((await app.ask("GET", "/scheduler")).body).toEqual({ leader: "web-1", here: true });
  await until(() => app.child.stdout.includes("web-1 cleans up"), { what: "a clean-up" });
  expect(await app.child.kill("SIGTERM")).toEqual({ code: 0, signal: null, overdue: false });
  expect(app.child.stdout).toContain("web-1 gave up the schedule");
});

test("its instances share a server: nothing is counted twice, and the schedule outlives who had it", async () => {
  const single = await startSingle();
  onTestFinished(() => single.stop());
  const backend = `redis://127.0.0.1:${single.server.port}`;
  const one = await start({ FLEET_BACKEND: backend, FLEET_INSTANCE: "web-1" });
  // The server has just started, so this waits until nobody can hold what it does not know of.
  expect(await one.ask("POST", "/counter")).toMatchObject({ status: 200, body: { count: 1 } });
  await until(() => one.child.stdout.includes("web-1 has the schedule"), { what: "a leader" });
  const other = await start({ FLEET_BACKEND: backend, FLEET_INSTANCE: "web-2" });
  await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? one : other).ask("POST", "/counter")));
  expect((await other.ask("GET", "/counter")).body).toEqual({ count: 41 });
  await reindexTwice(one, other, "web-1");
  await until(async () => JSON.stringify((await one.ask("GET", "/locks")).body).includes('"pending":[{'), {
    what: "the other to stand by",
  });
  await one.child.stop();
  await until(() => other.child.stdout.includes("web-2 has the schedule"), {
    what: "the next leader",
    deadline: 15_000,
  });
  expect((await other.ask("GET", "/scheduler")).body).toEqual({ leader: "web-2", here: true });
});
