import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ReservationGroup } from "../drills/reservation-group.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";

const worker = fileURLToPath(new URL("../../build/test/drills/reservation-worker.js", import.meta.url));
const races = 20;
let topology: SingleTopology;
let group: ReservationGroup;

// `npm run drills -- --only reservations-race` is the long one.
beforeAll(async () => {
  topology = await startSingle();
  group = await ReservationGroup.start(topology.config, { worker, clients: 100 });
});

afterAll(async () => {
  await group?.stop();
  await topology?.stop();
});

test("of 100 clients at three instances exactly one gets a document, and all the others see who, since when and until when", async () => {
  for (let race = 0; race < races; race += 1)
    expect(await group.race(`document-${race}`)).toEqual({ winners: 1, others: [] });
});

test("what a process writes that was frozen while its document was taken over is refused", async () => {
  const { stolen, newWrite, oldWrite, lateWrite, text } = await group.freeze("frozen");
  expect([stolen, newWrite]).toEqual([200, 204]);
  // The guard had let it pass before the process was frozen: the token is what refuses it.
  expect(oldWrite).toBe(412);
  expect(lateWrite.status).toBe(412);
  expect(JSON.parse(lateWrite.text)).toMatchObject({
    code: "ERR_FLEET_RESERVATION_LOST",
    cause: "stolen",
    by: { id: "user1" },
    reason: "left open",
  });
  expect(text).toBe("new");
});
