import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import express, { type Request } from "express";
import { createFleet, lockOf } from "express-fleet";

// Holds are short here, so that half a minute of no grants after a failover is not needed: five seconds are enough.
const fleet = createFleet({ locks: { lease: "5s", maxLease: "5s" } });
const { locks } = fleet;
const app = express();

app.use("/healthz", fleet.health.router());

// A document that every instance changes. With the lock they take turns; the register refuses whoever has lost the lock
// and does not know it yet.
const counter = locks.register("counter");

app.get("/counter", async (_req, res) => {
  const stored = await counter.read();
  res.json({ count: Number(stored?.value ?? 0) });
});

app.post("/counter", async (_req, res) => {
  const count = await locks.using("counter", { reason: "POST /counter" }, async (lock) => {
    const stored = await counter.read();
    const next = Number(stored?.value ?? 0) + 1;
    await counter.write(String(next), lock);
    return next;
  });
  res.json({ count, instance: fleet.instance });
});

// One at a time in the whole fleet for each index; the next one is told who is at it (423).
const oneReindexing = locks.withLock({
  name: (req: Request<{ index: string }>) => `reindex ${req.params.index}`,
  wait: 0,
  reason: "reindex",
});

app.post("/reindex/:index", oneReindexing, async (req, res) => {
  const lock = lockOf(req);
  for (let document = 1; document <= 20; document += 1) {
    await pause(100);
    lock.assert(); // a LockLostError, answered 409
  }
  res.json({ documents: 20, token: lock.token });
});

app.get("/locks", async (_req, res) => {
  res.json(await locks.query({ everywhere: true }));
});

// One instance has the schedule. When it ends, or loses the leadership, another one goes on.
const scheduler = locks.elect("scheduler", {
  onElected: async ({ term, signal }) => {
    console.log(`${fleet.instance} has the schedule, term ${term}`);
    while (!signal.aborted) await pause(1_000, undefined, { signal }).catch(() => undefined);
  },
  onDemoted: (term) => console.log(`${fleet.instance} gave up the schedule, term ${term}`),
});

app.get("/scheduler", async (_req, res) => {
  const leader = await scheduler.leader();
  res.json({ leader: leader?.instance ?? null, here: scheduler.isLeader });
});

// Every instance has the timer; whoever comes first does it, and for `minHold` nobody else.
const cleaning = setInterval(() => {
  locks
    .once("clean-up", { minHold: "1500ms" }, () => console.log(`${fleet.instance} cleans up`))
    .catch((error: unknown) => console.error(error));
}, 2_000);

const server = app.listen(Number(process.env["PORT"] ?? 3000));
server.once("listening", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once("SIGTERM", () => {
  clearInterval(cleaning);
  void fleet.close({ server });
});
