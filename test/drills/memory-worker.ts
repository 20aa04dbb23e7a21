/** A process whose memory is looked at: it uses sessions, with its server there and with its server gone. Needs `--expose-gc`. */
import { randomBytes } from "node:crypto";
import { createFleet } from "express-fleet";
import type { MemoryOrder, MemorySample } from "./memory-flat.js";

const fleet = createFleet({ logger: false });
const store = fleet.sessions.store();
const callers = 16;
const rest = 5;

let calls = 0;
let refused = 0;

function call(begin: (callback: (error?: unknown, value?: unknown) => void) => void): Promise<unknown> {
  calls += 1;
  return new Promise((resolve, reject) => {
    begin((error, value) => {
      if (error === undefined || error === null) resolve(value);
      else reject(error as Error);
    });
  });
}

/** Four calls: a session is created, loaded, changed and destroyed. */
async function useSession(): Promise<void> {
  const id = randomBytes(24).toString("base64url");
  await call((callback) => store.set(id, { cookie: { originalMaxAge: 60_000 }, visits: 0 } as never, callback));
  const session = (await call((callback) => store.load(id, callback as never))) as { visits: number };
  session.visits += 1;
  await call((callback) => store.set(id, session as never, callback));
  await call((callback) => store.destroy(id, callback));
}

async function work(goOn: () => boolean): Promise<void> {
  const caller = async (): Promise<void> => {
    while (goOn()) {
      await useSession().catch(async () => {
        refused += 1;
        await new Promise((resolve) => setTimeout(resolve, rest));
      });
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** What is still held when everything that is not was collected. */
async function sample(): Promise<MemorySample> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    (globalThis as { gc?: () => void }).gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { kind: "sample", calls, refused, held: heapUsed + external, rss, pending: fleet.stats().backend.pending };
}

process.on("message", (order: MemoryOrder) => {
  void (async () => {
    const until = calls + (order.calls ?? Infinity);
    const end = performance.now() + (order.milliseconds ?? Infinity);
    await work(() => calls < until && performance.now() < end);
    process.send?.(await sample());
  })();
});

fleet.ready().then(
  () => process.send?.({ kind: "ready" }),
  (error: Error) => process.send?.({ kind: "failed", message: error.message }),
);
