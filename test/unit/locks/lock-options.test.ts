import { describe, expect, test } from "vitest";
import { ConfigError, createFleet } from "../../../src/index.js";
import { formatNotes, readForceNotes, readNotes } from "../../../src/locks/lock-notes.js";
import {
  resolveLockSettings,
  resolveLockTerms,
  type AcquireOptions,
  type LocksOptions,
} from "../../../src/locks/lock-options.js";

function problemsOf(options: object): readonly string[] {
  try {
    resolveLockSettings(options as LocksOptions);
  } catch (error) {
    return (error as ConfigError).problems.map(({ message }) => message);
  }
  return [];
}

describe("the fleet's options for locks", () => {
  test("have defaults that fit together", () => {
    const defaults = {
      lease: 15_000,
      maxLease: 30_000,
      wait: 10_000,
      guarantee: "guarded",
      replicas: "all",
      failover: "guard",
    };
    expect(resolveLockSettings({})).toEqual(defaults);
    expect(resolveLockSettings({ maxLease: "5s" })).toMatchObject({ lease: 5_000, maxLease: 5_000 });
    expect(resolveLockSettings({ wait: Number.POSITIVE_INFINITY, replicas: 2, failover: "fast" })).toMatchObject({
      wait: Number.POSITIVE_INFINITY,
      replicas: 2,
      failover: "fast",
    });
  });

  test.each([
    [{ lease: "15" }, "locks.lease"],
    [{ lease: 50 }, "locks.lease is 50 ms"],
    [{ lease: "20s", maxLease: "10s" }, "locks.lease is 20000 ms"],
    [{ lease: Number.POSITIVE_INFINITY }, "locks.lease"],
    [{ maxLease: "1m" }, "locks.maxLease is 60000 ms"],
    [{ wait: "soon" }, "locks.wait"],
    [{ wait: -1 }, "locks.wait"],
    [{ guarantee: "all" }, "locks.guarantee is 'all'"],
    [{ failover: "slow" }, "locks.failover is 'slow'"],
    [{ leese: 1 }, 'locks has no option "leese"; did you mean lease?'],
    [{ replicas: 0 }, "locks.replicas is 0"],
  ])("are refused where they cannot be used: %j", (options, message) => {
    const problems = problemsOf(options);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test("are refused all at once, by `createFleet`", () => {
    const create = (): unknown =>
      createFleet({ backend: "memory", logger: false, locks: { lease: 1, wait: "x", guarantee: 1 } as never });
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(/3 problems/);
  });
});

describe("the options of one lock", () => {
  const settings = resolveLockSettings({ guarantee: "guarded", replicas: 2 });
  const resolve = (options: object): unknown => resolveLockTerms(settings, options as AcquireOptions);

  test("come from the fleet where they are left out", () => {
    expect(resolve({})).toEqual({
      lease: 15_000,
      wait: 10_000,
      maxHold: Number.POSITIVE_INFINITY,
      minHold: 0,
      renew: true,
      replicas: undefined,
    });
    expect(resolve({ guarantee: "replicated", wait: Number.POSITIVE_INFINITY, lease: "30s" })).toMatchObject({
      replicas: 2,
      wait: Number.POSITIVE_INFINITY,
      lease: 30_000,
    });
  });

  test.each([
    [{ lease: 99 }, RangeError, /100 ms/],
    [{ waits: 5 }, TypeError, /no option "waits"; did you mean wait\?/],
    [{ lease: "31s" }, RangeError, /maxLease/],
    [{ lease: "15" }, TypeError, /lease is "15"/],
    [{ wait: -1 }, TypeError, /wait is -1/],
    [{ wait: Number.NaN }, TypeError, /wait is NaN/],
    [{ maxHold: "x" }, TypeError, /maxHold/],
    [{ minHold: Number.POSITIVE_INFINITY }, TypeError, /minHold/],
    [{ guarantee: "replicatd" }, TypeError, /"replicatd"/],
    [{ renew: "false" }, TypeError, /renew is "false"/],
  ])("are refused at the call where they cannot be used: %j", (options, kind, message) => {
    expect(() => resolve(options)).toThrow(kind);
    expect(() => resolve(options)).toThrow(message);
    expect(() => resolve(options)).not.toThrow(ConfigError);
  });
});

describe("notes on a holder", () => {
  test("are carried whole, up to a kilobyte", () => {
    const notes = { owner: "ann|bob\n", reason: "«r»", details: { pages: [1, null] } };
    expect(readNotes(formatNotes("one", notes))).toEqual({ instance: "one", ...notes });
    expect(formatNotes("one", notes)).not.toContain("\n");
    expect(() => formatNotes("one", { details: "é".repeat(600) })).toThrow(RangeError);
    expect(() => formatNotes("one", { details: 1n })).toThrow(TypeError);
  });

  test("that cannot be read say nothing", () => {
    const nothing = { instance: "", owner: undefined, reason: undefined, details: undefined };
    for (const text of ["", "{", "null"]) expect(readNotes(text)).toMatchObject({ instance: "", details: undefined });
    expect(readNotes('{"instance":1,"owner":{},"reason":[]}')).toEqual(nothing);
    for (const text of ["", "null", '{"by":1}']) expect(readForceNotes(text)).toEqual({});
  });
});
