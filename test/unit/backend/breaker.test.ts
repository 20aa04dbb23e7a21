import { beforeEach, expect, test } from "vitest";
import { Breaker } from "../../../src/backend/redis/breaker.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let opened: number;
let breaker: Breaker;
beforeEach(() => {
  clock = new FakeClock();
  opened = 0;
  breaker = new Breaker(clock, 8_000, () => {
    opened += 1;
  });
});

test("opens when so much time has passed since the first failure, however many follow", () => {
  breaker.failure();
  clock.advance(7_000);
  breaker.failure();
  clock.advance(999);
  expect(breaker.open).toBe(false);
  clock.advance(1);
  expect(breaker.open).toBe(true);
  expect(opened).toBe(1);
});

test("does not open by the number of failures", () => {
  for (let count = 0; count < 1_000; count += 1) breaker.failure();
  expect(breaker.open).toBe(false);
  expect(clock.timers).toBe(1);
});

test("a success in between begins the time anew with the next failure", () => {
  breaker.failure();
  clock.advance(7_999);
  breaker.success();
  clock.advance(8_000);
  expect(breaker.open).toBe(false);
  breaker.failure();
  clock.advance(7_999);
  expect(breaker.open).toBe(false);
  clock.advance(1);
  expect(breaker.open).toBe(true);
});

test("closes with the next success, and opens again only after as much time", () => {
  breaker.failure();
  clock.advance(8_000);
  breaker.success();
  expect(breaker.open).toBe(false);
  breaker.failure();
  clock.advance(7_999);
  expect(breaker.open).toBe(false);
  clock.advance(1);
  expect(opened).toBe(2);
});

test("while open it lets one try in each interval", () => {
  breaker.failure();
  clock.advance(8_000);
  expect(breaker.probe(500)).toBe(false);
  clock.advance(499);
  expect(breaker.probe(500)).toBe(false);
  clock.advance(1);
  expect([breaker.probe(500), breaker.probe(500), breaker.probe(500)]).toEqual([true, false, false]);
  clock.advance(2_000);
  expect([breaker.probe(500), breaker.probe(500)]).toEqual([true, false]);
});

test("a success without a failure, and stopping, leave no timer", () => {
  breaker.success();
  expect(clock.timers).toBe(0);
  breaker.failure();
  breaker.stop();
  expect(clock.timers).toBe(0);
  expect(breaker.open).toBe(false);
});
