import { beforeEach, describe, expect, test } from "vitest";
import { SentinelOpinions } from "../../../src/backend/redis/sentinel-opinions.js";
import type { SentinelAnswer } from "../../../src/backend/redis/sentinel-question.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let opinions: SentinelOpinions;
beforeEach(() => {
  clock = new FakeClock();
  opinions = new SentinelOpinions(clock);
});

/** A sentinel that names a primary by its port, of the failover of that epoch. */
function answer(port: number | undefined, epoch = 0): SentinelAnswer {
  const primary = port === undefined ? undefined : { host: "10.0.0.1", port };
  return {
    from: { host: "s", port: 26379 },
    id: undefined,
    primary,
    epoch,
    others: [],
    replicas: [],
    replicaCount: 0,
    names: [],
  };
}

function named(opinion: ReturnType<SentinelOpinions["final"]> | undefined): number | string | undefined {
  return typeof opinion === "object" ? opinion.address.port : opinion;
}

describe("a round of answers", () => {
  test("means what most name, where no epoch tells them apart", () => {
    expect(named(opinions.final([answer(1), answer(2), answer(2)]))).toBe(2);
    expect(named(opinions.final([answer(undefined), answer(1), answer(undefined)]))).toBe(1);
  });

  test("means nothing when nobody names a primary", () => {
    expect(named(opinions.final([]))).toBe("none");
    expect(named(opinions.final([answer(undefined, 7)]))).toBe("none");
  });

  test("means the newest failover, of which one sentinel alone may know yet", () => {
    expect(named(opinions.final([answer(1, 4), answer(2, 5), answer(1, 4)]))).toBe(2);
  });
});

describe("the first answers of a round", () => {
  test("say nothing before more than half of those asked have answered", () => {
    expect(opinions.early([answer(1)], 3)).toBeUndefined();
    expect(opinions.early([answer(1)], 2)).toBeUndefined();
    expect(named(opinions.early([answer(1), answer(1)], 3))).toBe(1);
    expect(named(opinions.early([answer(1)], 1))).toBe(1);
  });

  test("say nothing when they are behind what is followed already", () => {
    opinions.final([answer(2, 5)]);
    expect(opinions.early([answer(1, 4), answer(1, 4)], 3)).toBeUndefined();
    expect(named(opinions.early([answer(1, 4), answer(2, 5)], 3))).toBe(2);
  });
});

describe("answers that are all behind", () => {
  test("change nothing for five seconds, and count then: the sentinels were set up anew", () => {
    opinions.final([answer(2, 5)]);
    expect(named(opinions.final([answer(1, 4), answer(1, 4)]))).toBe("behind");
    clock.advance(4_999);
    expect(named(opinions.final([answer(1, 4)]))).toBe("behind");
    clock.advance(1);
    expect(named(opinions.final([answer(1, 0)]))).toBe(1);
    expect(named(opinions.final([answer(3, 1)]))).toBe(3);
  });

  test("are forgotten as soon as one is not", () => {
    opinions.final([answer(2, 5)]);
    opinions.final([answer(1, 4)]);
    clock.advance(4_000);
    expect(named(opinions.final([answer(2, 5)]))).toBe(2);
    clock.advance(4_000);
    expect(named(opinions.final([answer(1, 4)]))).toBe("behind");
  });
});
