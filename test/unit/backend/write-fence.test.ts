import { describe, expect, test } from "vitest";
import { Exec } from "../../../src/backend/redis/exec.js";
import type { Request } from "../../../src/backend/redis/request.js";
import type { Router } from "../../../src/backend/redis/router.js";
import { primaryNameOf, sentinelChannels, WriteFence } from "../../../src/backend/redis/write-fence.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

describe("the primary that a sentinel speaks of", () => {
  test.each([
    ["+try-failover", "master mymaster 127.0.0.1 6379", "mymaster"],
    ["+failover-state-send-slaveof-noone", "slave 127.0.0.1:6380 127.0.0.1 6380 @ mymaster 127.0.0.1 6379", "mymaster"],
    ["+switch-master", "mymaster 127.0.0.1 6379 127.0.0.1 6380", "mymaster"],
    ["-failover-abort-not-elected", "master other 127.0.0.1 6379", "other"],
    ["+try-failover", "", undefined],
  ])("%s %s", (channel, message, name) => {
    expect(primaryNameOf(channel, message)).toBe(name);
  });
});

describe("the write fence", () => {
  function fence(): { readonly clock: FakeClock; readonly fence: WriteFence; opened: number } {
    const clock = new FakeClock();
    const parts = { clock, opened: 0, fence: new WriteFence(clock, () => void (parts.opened += 1)) };
    return parts;
  }

  test.each(sentinelChannels.filter((channel) => channel.startsWith("+") && channel !== "+switch-master"))(
    "closes with %s",
    (channel) => {
      const parts = fence();
      parts.fence.hear(channel);
      expect(parts.fence.closed).toBe(true);
    },
  );

  test.each(sentinelChannels.filter((channel) => channel.startsWith("-")))("opens with %s", (channel) => {
    const parts = fence();
    parts.fence.hear("+try-failover");
    parts.fence.hear(channel);
    expect(parts.fence.closed).toBe(false);
    expect(parts.opened).toBe(1);
  });

  test("opens three seconds after the first word, whatever else is said", () => {
    const parts = fence();
    parts.fence.hear("+try-failover");
    parts.clock.advance(2_000);
    parts.fence.hear("+failover-state-select-slave");
    parts.clock.advance(999);
    expect(parts.fence.closed).toBe(true);
    parts.clock.advance(1);
    expect(parts.fence.closed).toBe(false);
    expect(parts.opened).toBe(1);
  });

  test("opens once when the new primary is followed, and leaves no timer", () => {
    const parts = fence();
    parts.fence.hear("+try-failover");
    parts.fence.open();
    parts.fence.open();
    expect(parts.opened).toBe(1);
    expect(parts.clock.timers).toBe(0);
  });
});

describe("calls while the fence is closed", () => {
  function setUp(): {
    readonly exec: Exec;
    readonly router: { fenced: boolean };
    readonly sent: string[];
    readonly clock: FakeClock;
  } {
    const sent: string[] = [];
    const clock = new FakeClock();
    const node = { id: "n", closed: false, connection: {}, breaker: { open: false, success: () => undefined } };
    const router = { kind: "sentinel", fenced: true, route: () => node, breaker: node.breaker, lastError: undefined };
    const exec = new Exec(router as unknown as Router, {
      clock,
      maxPending: 10,
      acl: "",
      onTrouble: () => undefined,
    });
    return { exec, router, sent, clock };
  }

  function request(sent: string[], name: string, readOnly: boolean): Request<string> {
    const send = async (): Promise<string> => {
      sent.push(name);
      return name;
    };
    return { key: "k", name, readOnly, deadline: 8_000, send };
  }

  test("reads go on, writes wait, and are sent when it opens", async () => {
    const { exec, router, sent } = setUp();
    expect(await exec.run(request(sent, "read", true))).toBe("read");
    const write = exec.run(request(sent, "write", false));
    exec.wake();
    expect(sent).toEqual(["read"]);
    router.fenced = false;
    exec.wake();
    expect(await write).toBe("write");
  });

  test("a write whose deadline passes behind it was not executed", async () => {
    const { exec, sent, clock } = setUp();
    const failed = exec.run(request(sent, "write", false)).catch((error: { executed?: string }) => error.executed);
    clock.advance(8_000);
    expect(await failed).toBe("no");
    expect(sent).toEqual([]);
  });
});
