import { expect, test } from "vitest";
import { classify } from "../../../src/backend/redis/reply-errors.js";

/** Replies as four versions of servers gave them: a plain SET, and the same SET inside EVAL. */
const wrappedInScript =
  "ERR Error running script (call to f_a60f99108415347c2c750b5af9b2212a81ec1d57): @user_script:1: @user_script: 1: ";
const taggedByScript = " script: a60f99108415347c2c750b5af9b2212a81ec1d57, on @user_script:1.";
const readOnly = "READONLY You can't write against a read only replica.";
const outOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
const noReplicas = "NOREPLICAS Not enough good replicas to write.";
const misconfigured =
  "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. Commands that may modify the data set are disabled, because";
const misconfiguredInScript =
  "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. Commands that may";
const noScript = "NOSCRIPT No matching script. Please use EVAL.";
const noPermissionForKey = "NOPERM this user has no permissions to access one of the keys used as arguments";
const deniedInScript = "The user executing the script can't run this command or subcommand";

const golden: readonly (readonly [version: string, reply: string, kind: string, code: string])[] = [
  ["5.0.14 READONLY plain", readOnly, "replica", "READONLY"],
  ["5.0.14 READONLY script", `${wrappedInScript}-${readOnly}`, "replica", "READONLY"],
  ["5.0.14 OOM plain", outOfMemory, "full", "OOM"],
  ["5.0.14 OOM script", `${wrappedInScript}-${outOfMemory}`, "full", "OOM"],
  ["5.0.14 NOREPLICAS plain", noReplicas, "again", "NOREPLICAS"],
  ["5.0.14 MISCONF plain", misconfigured, "full", "MISCONF"],
  ["5.0.14 MISCONF script", `${wrappedInScript}-${misconfiguredInScript}`, "full", "MISCONF"],
  ["5.0.14 NOSCRIPT", noScript, "no-script", "NOSCRIPT"],
  ["6.2.14 READONLY plain", readOnly, "replica", "READONLY"],
  ["6.2.14 READONLY script", `${wrappedInScript}-${readOnly}`, "replica", "READONLY"],
  ["6.2.14 OOM plain", outOfMemory, "full", "OOM"],
  ["6.2.14 OOM script", `${wrappedInScript}-${outOfMemory}`, "full", "OOM"],
  ["6.2.14 NOREPLICAS plain", noReplicas, "again", "NOREPLICAS"],
  ["6.2.14 NOREPLICAS script", `${wrappedInScript}-${noReplicas}`, "again", "NOREPLICAS"],
  ["6.2.14 MISCONF plain", misconfigured, "full", "MISCONF"],
  ["6.2.14 MISCONF script", `${wrappedInScript}-${misconfiguredInScript}`, "full", "MISCONF"],
  ["6.2.14 NOPERM key plain", noPermissionForKey, "permission", "NOPERM"],
  ["6.2.14 NOPERM command in script", wrappedInScript + deniedInScript, "permission", "ERR"],
  ["6.2.14 NOSCRIPT", noScript, "no-script", "NOSCRIPT"],
  ["7.0.15 READONLY plain", readOnly, "replica", "READONLY"],
  ["7.0.15 READONLY script", readOnly + taggedByScript, "replica", "READONLY"],
  ["7.0.15 OOM plain", outOfMemory, "full", "OOM"],
  ["7.0.15 OOM script", outOfMemory + taggedByScript, "full", "OOM"],
  ["7.0.15 NOREPLICAS plain", noReplicas, "again", "NOREPLICAS"],
  ["7.0.15 NOREPLICAS script", noReplicas + taggedByScript, "again", "NOREPLICAS"],
  ["7.0.15 NOPERM key plain", noPermissionForKey, "permission", "NOPERM"],
  ["7.0.15 NOPERM command in script", `ERR ${deniedInScript}${taggedByScript}`, "permission", "ERR"],
  ["7.0.15 NOSCRIPT", noScript, "no-script", "NOSCRIPT"],
  ["valkey-8.0.1 READONLY plain", readOnly, "replica", "READONLY"],
  ["valkey-8.0.1 READONLY script", readOnly + taggedByScript, "replica", "READONLY"],
  ["valkey-8.0.1 OOM plain", outOfMemory, "full", "OOM"],
  ["valkey-8.0.1 OOM script", outOfMemory + taggedByScript, "full", "OOM"],
  ["valkey-8.0.1 NOREPLICAS plain", noReplicas, "again", "NOREPLICAS"],
  ["valkey-8.0.1 NOREPLICAS script", noReplicas + taggedByScript, "again", "NOREPLICAS"],
  ["valkey-8.0.1 NOPERM key plain", "NOPERM No permissions to access a key", "permission", "NOPERM"],
  [
    "valkey-8.0.1 NOPERM command in script",
    `ERR ACL failure in script: User u2 has no permissions to run the 'set' command${taggedByScript}`,
    "permission",
    "ERR",
  ],
  ["valkey-8.0.1 NOSCRIPT", "NOSCRIPT No matching script.", "no-script", "NOSCRIPT"],
];

test.each(golden)("%s", (_version, reply, kind, code) => {
  expect(classify(replyError(reply))).toMatchObject({ kind, code });
});

test.each([
  ["LOADING Redis is loading the dataset in memory", "again", "LOADING"],
  ["CLUSTERDOWN The cluster is down", "again", "CLUSTERDOWN"],
  ["CLUSTERDOWN Hash slot not served", "again", "CLUSTERDOWN"],
  ["TRYAGAIN Multiple keys request during rehashing of slot", "again", "TRYAGAIN"],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "again", "MASTERDOWN"],
  ["BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "again", "BUSY"],
  ["NOAUTH Authentication required.", "auth", "NOAUTH"],
  ["WRONGPASS invalid username-password pair or user is disabled.", "auth", "WRONGPASS"],
  ["WRONGTYPE Operation against a key holding the wrong kind of value", "reply", "WRONGTYPE"],
  [`${wrappedInScript}-WRONGTYPE Operation against a key holding the wrong kind of value`, "reply", "WRONGTYPE"],
  ["CROSSSLOT Keys in request don't hash to the same slot", "reply", "CROSSSLOT"],
  [
    "ERR Error running script (call to f_a60f99108415347c2c750b5af9b2212a81ec1d57): @user_script:3: user_script:3: attempt to index a nil value",
    "reply",
    "ERR",
  ],
  ["ERR", "reply", "ERR"],
])("%s", (reply, kind, code) => {
  expect(classify(replyError(reply))).toMatchObject({ kind, code });
});

test("what a script wrote into an error is not taken for the server's own code", () => {
  expect(classify(replyError(`ERR user said: -OOM ${"x".repeat(20)}`))).toEqual({ kind: "reply", code: "ERR" });
});

test.each([
  ["MOVED 3999 127.0.0.1:6381", { kind: "moved", slot: 3999, host: "127.0.0.1", port: 6381 }],
  ["ASK 3999 127.0.0.1:6381", { kind: "ask", slot: 3999, host: "127.0.0.1", port: 6381 }],
  ["MOVED 0 node-1.redis.example:6381", { kind: "moved", slot: 0, host: "node-1.redis.example", port: 6381 }],
  ["MOVED 16383 2001:db8::17:6381", { kind: "moved", slot: 16383, host: "2001:db8::17", port: 6381 }],
  ["ASK 7 ::1:6381", { kind: "ask", slot: 7, host: "::1", port: 6381 }],
  ["MOVED 866 :6381", { kind: "moved", slot: 866, host: "", port: 6381 }],
  // A server with `cluster-preferred-endpoint-type hostname` and no host name: it means its own, too.
  ["MOVED 866 ?:6381", { kind: "moved", slot: 866, host: "", port: 6381 }],
])("%s", (reply, expected) => {
  expect(classify(replyError(reply))).toEqual(expected);
});

test("a reply that was lost with its connection is told from a command that was never written", () => {
  expect(classify(new Error("Connection is closed."))).toEqual({ kind: "lost", code: "CLOSED" });
  expect(classify(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }))).toMatchObject({ kind: "lost" });
  expect(classify(new Error("Stream isn't writeable and enableOfflineQueue options is false"))).toMatchObject({
    kind: "unsent",
  });
});

test("what is no error is a mistake of ours", () => {
  expect(classify("OOM")).toEqual({ kind: "reply", code: "UNKNOWN" });
});

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}
