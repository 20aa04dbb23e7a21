import { beforeEach, expect, test } from "vitest";
import { TurnQueue } from "../../../src/sessions/turn-queue.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let queue: TurnQueue<string>;

beforeEach(() => {
  clock = new FakeClock();
  queue = new TurnQueue(clock, 1000);
});

function held<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return { promise, resolve, reject };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one works on a key at a time, the others follow in order; another key does not wait", async () => {
  const steps: string[] = [];
  const first = held<void>();
  const run = (key: string, name: string, until: Promise<void>) =>
    queue.run(key, async (turn) => {
      steps.push(`${name} begins`);
      await turn.send(() => until);
      steps.push(`${name} ends`);
    });
  const all = [
    run("k", "a", first.promise),
    run("k", "b", Promise.resolve()),
    run("k", "c", Promise.resolve()),
    run("other", "d", Promise.resolve()),
  ];
  expect(steps).toEqual(["a begins", "d begins"]);
  await settled();
  expect(steps).toEqual(["a begins", "d begins", "d ends"]);
  first.resolve();
  await Promise.all(all);
  expect(steps.slice(3)).toEqual(["a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(queue.busy("k")).toBe(false);
  expect(clock.timers).toBe(0);
});

test("callers of a line hand on a state; it is forgotten with the line and after a failure", async () => {
  const seen: (string | undefined)[] = [];
  const note = (state?: string) =>
    queue.run("k", async (turn) => {
      seen.push(turn.state);
      turn.state = state;
      await turn.send(() => Promise.resolve());
      if (state === "fails") throw new Error("failed");
    });
  await Promise.allSettled([note("one"), note("two"), note("fails"), note("three")]);
  await note();
  expect(seen).toEqual([undefined, "one", "two", undefined, undefined]);
});

test("who waits longer than the deadline is refused, and nothing of it runs", async () => {
  const first = held<void>();
  const running = queue.run("k", (turn) => turn.send(() => first.promise));
  let ran = false;
  const waiting = queue.run("k", async () => {
    ran = true;
  });
  clock.advance(1000);
  await expect(waiting).rejects.toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "no", status: 503 });
  first.resolve();
  await running;
  await settled();
  expect(ran).toBe(false);
  expect(queue.busy("k")).toBe(false);
});

test("a repeated call ends at the caller's deadline, and the next turn waits until it has really ended", async () => {
  const slow = held<void>();
  const failing = queue.run("k", async (turn) => {
    await turn.send(() => Promise.resolve());
    clock.advance(400);
    await turn.send(() => slow.promise);
  });
  let next = false;
  const refused = expect(failing).rejects.toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "maybe" });
  await settled();
  clock.advance(600);
  await refused;
  const following = queue.run("k", async () => {
    next = true;
  });
  await settled();
  expect(next).toBe(false);
  slow.reject(new Error("lost"));
  await following;
  expect(next).toBe(true);
});

test("no further call is sent once the time is over", async () => {
  const failing = queue.run("k", async (turn) => {
    await turn.send(() => Promise.resolve());
    clock.advance(1000);
    await turn.send(() => Promise.reject(new Error("was sent")));
  });
  await expect(failing).rejects.toMatchObject({ executed: "no" });
});

test("the first call of a caller that did not wait is left to the backend's own deadline", async () => {
  const slow = held<string>();
  const result = queue.run("k", (turn) => turn.send(() => slow.promise));
  clock.advance(5000);
  slow.resolve("late but there");
  expect(await result).toBe("late but there");
});

test("settle resolves when nobody works or waits", async () => {
  await queue.settle();
  const first = held<void>();
  const all = [queue.run("a", (turn) => turn.send(() => first.promise)), queue.run("a", async () => undefined)];
  let done = false;
  const waiting = queue.settle().then(() => (done = true));
  await settled();
  expect(done).toBe(false);
  first.resolve();
  await Promise.all(all);
  await waiting;
  expect(done).toBe(true);
});
