import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { ServerClock } from "../../../src/backend/redis/server-clock.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let serverClock: ServerClock;
beforeEach(() => {
  clock = new FakeClock();
  serverClock = new ServerClock(clock);
});

/** A question that takes so long on its way there and back; the server's clock is so far from our monotonic one. */
function ask(server: ServerClock, there: number, back: number, offset: number): void {
  const sentAt = clock.monotonic();
  clock.advance(there);
  const time = clock.monotonic() + offset;
  const reply = [String(Math.floor(time / 1_000)), String(Math.round((time % 1_000) * 1_000))];
  clock.advance(back);
  server.sample(reply, sentAt);
}

describe("the server's time", () => {
  test("is unknown until it has told", () => {
    expect(serverClock.now()).toBeUndefined();
    for (const nonsense of ["OK", null, 7, ["a", "b"], []]) serverClock.sample(nonsense, clock.monotonic());
    expect(serverClock.now()).toBeUndefined();
  });

  test("lies between what it was at the latest and at the earliest", () => {
    ask(serverClock, 30, 10, 1_000_000);
    const truth = clock.monotonic() + 1_000_000;
    expect(serverClock.now()).toEqual({ earliest: truth - 10, latest: truth + 30 });
  });

  test("is narrowed by every answer, and widens while none comes", () => {
    ask(serverClock, 30, 10, 1_000_000);
    ask(serverClock, 2, 20, 1_000_000);
    const truth = clock.monotonic() + 1_000_000;
    const { earliest, latest } = serverClock.now() ?? { earliest: 0, latest: 0 };
    expect(truth - earliest).toBeCloseTo(10, 0);
    expect(latest - truth).toBe(2);
    clock.advance(100_000);
    const later = serverClock.now() ?? { earliest: 0, latest: 0 };
    expect(later.latest - later.earliest).toBeCloseTo(latest - earliest + 100, 0);
  });

  test("that was set counts from its newest answer", () => {
    ask(serverClock, 1, 1, 1_000_000);
    ask(serverClock, 5, 5, 2_000_000);
    const truth = clock.monotonic() + 2_000_000;
    expect(serverClock.now()).toEqual({ earliest: truth - 5, latest: truth + 5 });
  });

  test("is always within the range, however slow the ways are", () => {
    const ways = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(ways, fc.integer({ min: 1_000_000, max: 2 ** 40 }), (trips, offset) => {
        const server = new ServerClock(clock);
        for (const [there, back] of trips) ask(server, there, back, offset);
        const truth = clock.monotonic() + offset;
        const { earliest, latest } = server.now() ?? { earliest: Infinity, latest: -Infinity };
        // A thousandth for the microseconds that TIME rounds to.
        expect(earliest).toBeLessThanOrEqual(truth + 0.001);
        expect(latest).toBeGreaterThanOrEqual(truth - 0.001);
      }),
    );
  });
});
