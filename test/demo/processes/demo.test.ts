import { afterEach, expect, test } from "vitest";
import type { InstanceState, ServerState } from "../../../examples/demo/demo-state.js";
import { until } from "../../support/until.js";
import { RunningDemo } from "./running-demo.js";

let demo: RunningDemo | undefined;
afterEach(async () => {
  await demo?.stop();
  demo = undefined;
});

async function instance(running: RunningDemo, name: string): Promise<InstanceState> {
  const found = (await running.state()).instances.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

async function primary(running: RunningDemo): Promise<ServerState | undefined> {
  return (await running.state()).servers.find(({ role, state }) => role === "primary" && state === "connected");
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test("single: instances end, asked or not, and start again; a session goes on; Ctrl-C ends it all while the server restarts", async () => {
  demo = await RunningDemo.start("single");
  const running = demo;
  await running.request("/ours/login?user=me", "POST");
  for (const action of ["stop", "kill"]) {
    const { pid = 0 } = await instance(running, "ours-2");
    expect((await running.press(`instances/ours-2/${action}`)).status).toBe(200);
    expect(isGone(pid)).toBe(true);
    expect(await instance(running, "ours-2")).toMatchObject({ phase: "stopped", actions: ["start"] });
    const again = await running.press(`instances/ours-2/${action}`);
    expect(again).toEqual({ status: 409, body: { error: "ours-2 does not run." } });
    expect((await running.press("trials")).status).toBe(409);
    expect((await running.request("/ours/count", "POST")).status).toBe(200);
    expect((await running.press("instances/ours-2/start")).status).toBe(200);
    await until(async () => (await instance(running, "ours-2")).available, { what: "requests for ours-2" });
  }
  const { pid = 0 } = await instance(running, "usual-1");
  process.kill(pid, "SIGKILL");
  await until(async () => (await instance(running, "usual-1")).phase === "stopped", { what: "its end to be seen" });
  const [newest] = (await running.state()).events;
  expect(newest).toMatchObject({ instance: "usual-1", text: "stopped: unasked, it was ended by SIGKILL" });
  expect((await running.press("instances/usual-1/start")).status).toBe(200);

  const [server] = (await running.state()).servers;
  const restart = running.press(`servers/${server?.address}/restart`).catch(() => undefined);
  await until(async () => (await running.state()).servers[0]?.state === "not-running", { what: "the server's end" });
  const waiting = running.request("/ours/session").catch(() => undefined);
  const { instances } = await running.state();
  const began = performance.now();
  expect(await running.interrupt()).toEqual({ code: 0, left: [] });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(instances.filter((each) => !isGone(each.pid ?? 0))).toEqual([]);
  await Promise.all([restart, waiting]);
});

test("sentinel: the primary is killed, its users go on, and Ctrl-C ends it all while a server and an instance are dead", async () => {
  demo = await RunningDemo.start("sentinel");
  const running = demo;
  await running.request("/ours/login?user=me", "POST");
  await running.request("/ours/count", "POST");
  const before = await primary(running);
  expect(before?.action).toBe("kill");
  expect((await running.press(`servers/${before?.address}/kill`)).status).toBe(200);
  expect((await running.request("/ours/count", "POST")).status).toBe(200);
  expect(JSON.parse((await running.request("/ours/session")).text)).toMatchObject({ user: "me", count: 2 });
  const after = await primary(running);
  expect([undefined, before?.address]).not.toContain(after?.address);
  const { servers, instances } = await running.state();
  expect(servers.find(({ address }) => address === before?.address)).toMatchObject({ state: "not-running" });

  expect((await running.press("instances/ours-3/kill")).status).toBe(200);
  expect(await running.interrupt()).toEqual({ code: 0, left: [] });
  expect(instances.filter((each) => !isGone(each.pid ?? 0))).toEqual([]);
});
