import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { RotatingCredentials, type CredentialsOptions } from "../../../src/backend/redis/credentials.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { rejection } from "./open-backend.js";

const wall = 1_000_000;
let clock: FakeClock;
let changes: number;
beforeEach(() => {
  clock = new FakeClock(wall);
  changes = 0;
});

function open(password: CredentialsOptions["password"], more: Partial<CredentialsOptions> = {}): RotatingCredentials {
  const credentials = new RotatingCredentials({
    clock,
    username: "app",
    password,
    where: "the password of Redis",
    onChange: () => {
      changes += 1;
    },
    ...more,
  });
  onTestFinished(() => credentials.close());
  return credentials;
}

describe("a value, or none", () => {
  test("is what it is, and nothing is watched", async () => {
    expect(await open("secret").read()).toEqual({ username: "app", password: "secret" });
    expect(await open(undefined).read()).toEqual({ username: "app" });
    expect(clock.timers).toBe(0);
  });
});

describe("a file", () => {
  test("is read anew, and a change is told within a second", async () => {
    let text = "first\n";
    const credentials = open({ file: "secret" }, { readFile: () => text });
    expect(await credentials.read()).toEqual({ username: "app", password: "first" });
    await clock.advanceAsync(5_000);
    expect(changes).toBe(0);
    text = "second";
    await clock.advanceAsync(1_000);
    expect(changes).toBe(1);
    expect(await credentials.read()).toEqual({ username: "app", password: "second" });
    await clock.advanceAsync(5_000);
    expect(changes).toBe(1);
  });

  test("that is away while it is replaced fails whoever reads, and is no change until it is back with another text", async () => {
    let text: string | undefined = "first";
    const readFile = (): string => {
      if (text === undefined) throw Object.assign(new Error("away"), { code: "ENOENT" });
      return text;
    };
    const credentials = open({ file: "secret" }, { readFile });
    text = undefined;
    await clock.advanceAsync(3_000);
    const error = await rejection(credentials.read());
    expect(error).toMatchObject({ code: "ERR_FLEET_CONFIG_FILE" });
    expect(error.message).toBe("the file that the password of Redis names cannot be read (ENOENT)");
    text = "first";
    await clock.advanceAsync(2_000);
    expect(changes).toBe(0);
    text = undefined;
    await clock.advanceAsync(1_000);
    text = "second";
    await clock.advanceAsync(1_000);
    expect(changes).toBe(1);
  });

  test("is not looked at any more after the end", async () => {
    const credentials = open({ file: "secret" }, { readFile: () => "first" });
    credentials.close();
    expect(clock.timers).toBe(0);
  });
});

describe("a variable", () => {
  afterEach(() => {
    delete process.env["FLEET_TEST_SECRET"];
  });

  test("is read anew, and a change is told", async () => {
    process.env["FLEET_TEST_SECRET"] = "first";
    const credentials = open({ env: "FLEET_TEST_SECRET" });
    process.env["FLEET_TEST_SECRET"] = "second";
    await clock.advanceAsync(1_000);
    expect(changes).toBe(1);
    expect(await credentials.read()).toEqual({ username: "app", password: "second" });
  });
});

describe("a function", () => {
  test("that gives a text is asked at each connection, once for those that open together", async () => {
    let asked = 0;
    const credentials = open(() => `secret-${(asked += 1)}`);
    const together = await Promise.all([credentials.read(), credentials.read(), credentials.read()]);
    expect(new Set(together.map(({ password }) => password))).toEqual(new Set(["secret-1"]));
    expect(await credentials.read()).toEqual({ username: "app", password: "secret-2" });
    expect(clock.timers).toBe(0);
  });

  test("whose text changes gives it to whoever asked, also when what has changed is read at once", async () => {
    let secret = "old";
    const told: unknown[] = [];
    const credentials = open(() => Promise.resolve(secret), {
      onChange: () => void credentials.read().then((signIn) => told.push(signIn)),
    });
    await credentials.read();
    secret = "new";
    const together = await Promise.all([credentials.read(), credentials.read()]);
    expect(together).toEqual([
      { username: "app", password: "new" },
      { username: "app", password: "new" },
    ]);
    await until(() => told.length > 0, { what: "the change to be told" });
    expect(told).toEqual([{ username: "app", password: "new" }]);
  });

  test("is not asked any more after the end, although it was just failing", async () => {
    let asked = 0;
    let fail: (error: Error) => void = () => undefined;
    const credentials = open(() => {
      asked += 1;
      if (asked === 1) return { password: "token", expiresAt: clock.now() + 50_000 };
      return new Promise((_, reject) => {
        fail = reject;
      });
    });
    await credentials.read();
    await clock.advanceAsync(40_000);
    credentials.close();
    fail(new Error("the identity service is away"));
    await clock.advanceAsync(60_000);
    expect(asked).toBe(2);
    expect(clock.timers).toBe(0);
  });

  test("that never answers fails after ten seconds, and is asked again", async () => {
    let asked = 0;
    const credentials = open(() => ((asked += 1) === 1 ? new Promise(() => undefined) : "late"));
    const refused = rejection(credentials.read());
    await clock.advanceAsync(10_000);
    expect((await refused).cause).toMatchObject({
      message: "the function that gives the password did not answer within 10000 ms",
    });
    expect(await credentials.read()).toEqual({ username: "app", password: "late" });
  });

  test("that says when its token ends is asked at 80 % of its life, and open connections are told", async () => {
    let asked = 0;
    const credentials = open(async () => {
      asked += 1;
      return { username: "iam", password: `token-${asked}`, expiresAt: clock.now() + 100_000 };
    });
    expect(await credentials.read()).toEqual({ username: "iam", password: "token-1" });
    await clock.advanceAsync(79_999);
    expect(await credentials.read()).toEqual({ username: "iam", password: "token-1" });
    expect([asked, changes]).toEqual([1, 0]);
    await clock.advanceAsync(1);
    expect([asked, changes]).toEqual([2, 1]);
    expect(await credentials.read()).toEqual({ username: "iam", password: "token-2" });
    await clock.advanceAsync(80_000);
    expect([asked, changes]).toEqual([3, 2]);
  });

  test("that fails at the renewal is asked again every five seconds; the old token is used while it lives, then nothing", async () => {
    let fails = false;
    let asked = 0;
    const credentials = open(() => {
      asked += 1;
      if (fails) throw new Error("the identity service is away");
      return { password: `token-${asked}`, expiresAt: clock.now() + 50_000 };
    });
    await credentials.read();
    fails = true;
    await clock.advanceAsync(40_000);
    await clock.advanceAsync(5_000);
    expect(asked).toBe(3);
    expect(await credentials.read()).toEqual({ username: "app", password: "token-1" });
    await clock.advanceAsync(5_001);
    const error = await rejection(credentials.read());
    expect(error.message).toBe("the password of Redis could not be had: the function that gives it failed");
    expect((error.cause as Error).message).toBe("the identity service is away");
    fails = false;
    expect((await credentials.read()).password).toMatch(/^token-/);
    expect(changes).toBe(1);
  });

  test("is asked anew when a server refused a token that should still be valid", async () => {
    let asked = 0;
    const credentials = open(() => ({ password: `token-${(asked += 1)}`, expiresAt: clock.now() + 100_000 }));
    await credentials.read();
    credentials.refused();
    expect((await credentials.read()).password).toBe("token-2");
  });

  test("that gives nothing is an error that says so", async () => {
    for (const nothing of ["", undefined, { password: "" }, 7]) {
      const credentials = open((() => nothing) as never);
      expect((await rejection(credentials.read())).cause).toMatchObject({
        message: "the function that gives the password gave none",
      });
    }
  });
});
