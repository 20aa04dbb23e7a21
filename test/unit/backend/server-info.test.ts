import { describe, expect, test } from "vitest";
import { parseSlots } from "../../../src/backend/redis/cluster-view.js";
import { parseInfo } from "../../../src/backend/redis/server-info.js";

describe("INFO", () => {
  test("of Redis", () => {
    const text =
      "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\nrun_id:abc\r\nuptime_in_seconds:17\r\n\r\n# Replication\r\nrole:slave\r\nconnected_slaves:2\r\nloading:1\r\nmaxmemory_policy:noeviction\r\nmaster_replid:def\r\nmaster_replid2:0000\r\n";
    expect(parseInfo(text)).toEqual({
      flavor: "redis",
      version: "7.0.15",
      mode: "cluster",
      role: "slave",
      loading: true,
      replicas: 2,
      evictionPolicy: "noeviction",
      replicationId: "def",
      wasPromoted: false,
      runId: "abc",
      uptime: 17,
    });
    expect(parseInfo(text.replace("0000", "0ab0")).wasPromoted).toBe(true);
  });

  test("of Valkey, which names a Redis version for the sake of old clients", () => {
    const text =
      "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:standalone\r\nrole:master\r\n";
    expect(parseInfo(text)).toMatchObject({ flavor: "valkey", version: "8.0.1", mode: "standalone", role: "master" });
  });

  test("of a server that tells nothing, or what we do not know", () => {
    const neutral = {
      flavor: "redis",
      version: "",
      mode: "unknown",
      role: "unknown",
      loading: false,
      replicas: 0,
      evictionPolicy: "",
      replicationId: "",
      wasPromoted: false,
      runId: "",
      uptime: 0,
    };
    expect(parseInfo("")).toEqual(neutral);
    expect(parseInfo("redis_mode:other\r\nrole:sentinel\r\n:\r\nno colon\r\n")).toEqual(neutral);
  });
});

describe("CLUSTER SLOTS", () => {
  const asked = { host: "10.0.0.9", port: 7000 };
  const node = (host: string | null, port: number, id: string): (string | number | null)[] => [host, port, id];

  test("is read into ranges with their servers", () => {
    const reply = [[0, 5460, node("10.0.0.1", 7000, "a"), node("10.0.0.4", 7003, "d")]];
    expect(parseSlots(reply, asked)).toEqual([
      {
        from: 0,
        to: 5460,
        primary: { id: "a", address: { host: "10.0.0.1", port: 7000 } },
        replicas: [{ id: "d", address: { host: "10.0.0.4", port: 7003 } }],
      },
    ]);
  });

  test.each([[""], ["?"], [null]])("a host that is %j is the one that was asked", (host) => {
    expect(parseSlots([[0, 16383, node(host, 7001, "a")]], asked)[0]?.primary.address).toEqual({
      host: "10.0.0.9",
      port: 7001,
    });
  });

  test("host names are kept, and the extra fields of Redis 7 ignored", () => {
    const reply = [[0, 16383, ["redis-1.example", 7000, "a", ["ip", "10.0.0.1"]]]];
    expect(parseSlots(reply, asked)[0]?.primary).toEqual({ id: "a", address: { host: "redis-1.example", port: 7000 } });
  });

  test("servers that list the same in another order say the same", () => {
    const first = [5461, 10922, node("h", 1, "b"), node("h", 5, "e"), node("h", 4, "d")];
    const second = [0, 5460, node("h", 2, "a")];
    const other = [5461, 10922, node("h", 1, "b"), node("h", 4, "d"), node("h", 5, "e")];
    expect(parseSlots([first, second], asked)).toEqual(parseSlots([second, other], asked));
  });

  test("what is no list of slots is none", () => {
    expect(parseSlots("OK", asked)).toEqual([]);
    expect(parseSlots([["x"], 7, [0, 1]], asked)).toEqual([]);
  });
});
