import { afterEach, expect, test } from "vitest";
import { actOnInstance, possibleActions } from "../../examples/demo/instance-actions.js";
import { instancesOf, type Instance } from "../../examples/demo/instances.js";

const instances: Instance[] = [];
afterEach(async () => {
  await Promise.all(instances.splice(0).map((instance) => instance.close()));
});

async function ofThisProcess(): Promise<Instance> {
  const [first] = await instancesOf("ours", { secret: "s".repeat(32), namespace: "demo-test", embedded: true });
  if (first === undefined) throw new Error("an app has instances");
  instances.push(first);
  return first;
}

async function isListening({ port }: Instance): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz/live`).catch(() => undefined);
  return answer?.status === 200;
}

test("is started, stopped and started again on its port", async () => {
  const instance = await ofThisProcess();
  expect(await actOnInstance(instance, "start")).toEqual({ done: expect.stringMatching(/^ours-1 runs again, after/) });
  expect([instance.phase, await isListening(instance)]).toEqual(["running", true]);
  expect(await actOnInstance(instance, "stop")).toEqual({ done: expect.stringMatching(/^ours-1 was told to end/) });
  expect([instance.phase, await isListening(instance)]).toEqual(["stopped", false]);
  await actOnInstance(instance, "start");
  expect(await isListening(instance)).toBe(true);
  const texts = instance.events.filter(({ kind }) => kind === "instance").map(({ text }) => text);
  expect(texts).toEqual(["starting", "running", "stopping", "stopped", "starting", "running"]);
});

test("says why it cannot be done now", async () => {
  const instance = await ofThisProcess();
  expect(await actOnInstance(instance, "stop")).toEqual({ refused: "ours-1 does not run." });
  const starting = actOnInstance(instance, "start");
  expect(possibleActions(instance)).toEqual([]);
  expect(await actOnInstance(instance, "start")).toEqual({ refused: "ours-1 is being started." });
  await starting;
  expect(await actOnInstance(instance, "start")).toEqual({ refused: "ours-1 runs." });
  const stopping = actOnInstance(instance, "stop");
  expect(await actOnInstance(instance, "stop")).toEqual({ refused: "ours-1 is being stopped." });
  await stopping;
});

test("what shares the demo's process cannot be killed alone", async () => {
  const instance = await ofThisProcess();
  await instance.start();
  expect(possibleActions(instance)).toEqual(["stop"]);
  expect(await actOnInstance(instance, "kill")).toEqual({
    refused: expect.stringContaining("shares the demo's own process"),
  });
  expect(instance.phase).toBe("running");
});

test("does not start again once the demo has ended it", async () => {
  const instance = await ofThisProcess();
  await instance.start();
  await instance.close();
  await expect(actOnInstance(instance, "start")).rejects.toThrow();
  expect(instance.phase).toBe("stopped");
});
