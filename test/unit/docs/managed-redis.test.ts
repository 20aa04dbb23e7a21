import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";

// docs/managed-redis.md has every command that is sent, and no other: a service that refuses one must not come as a surprise.

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(root, "docs/managed-redis.md"), "utf8");
const topologies = readFileSync(join(root, "docs/topologies.md"), "utf8");

function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !entry.name.endsWith(".generated.ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Commands that have subcommands are named with the one that is sent. */
function named(command: string, first: string | undefined): string {
  return ["client", "cluster", "sentinel"].includes(command) ? `${command}|${first ?? "?"}` : command;
}

/** What a source sends: `send("client", ["setname", ...])`; what it decides at run time is `?`, with the place. */
function sentBy(file: string): readonly string[] {
  const source = readFileSync(file, "utf8");
  // A call's own `send` is handed a connection; what it sends there is found where that is written.
  const calls = source.matchAll(/(?<!#request)\.send\(\s*(?:"([^"]+)"|(\w+))\s*,\s*(?:\[\s*(?:"([^"]+)")?)?/g);
  return [...calls].map(([, literal, variable, first]) =>
    literal === undefined ? `? ${basename(file)}: ${variable}` : named(literal, first),
  );
}

function calledBy(file: string): readonly string[] {
  return [...readFileSync(file, "utf8").matchAll(/redis\.p?call\(\s*([^,)]+)/g)].map(
    ([, name = ""]) => /^"(\w+)"$/.exec(name)?.[1]?.toLowerCase() ?? `? ${basename(file)}: ${name}`,
  );
}

/** `ReadCommand` in `backend.ts`: what a room may have sent with `read`. */
function reads(): readonly string[] {
  const [, union = ""] =
    /type ReadCommand = readonly \[name: ([^,]+),/.exec(readFileSync(join(root, "src/backend/backend.ts"), "utf8")) ??
    [];
  return [...union.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
}

const section = (heading: string): string => page.split(`\n### ${heading}\n`)[1]?.split(/\n##/)[0] ?? "";

/** The commands in the first column of a section's table. */
function documented(heading: string): readonly string[] {
  const cells = section(heading).matchAll(/^\| (`[^\n]*?`) \|/gm);
  return [...cells].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name.replace("\\|", "|")),
  );
}

/** The rights in an access list of docs/topologies.md for Redis 7, by the remark before it. */
function granted(remark: string): readonly string[] {
  const [, rules = ""] = new RegExp(`\n# ${remark}\n(user [^\n]*)`).exec(topologies) ?? [];
  return [...rules.matchAll(/ \+(\S+)/g)].map(([, right = ""]) => right);
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

const sources = filesIn("src/backend/redis", ".ts");
const forSentinels = (file: string): boolean => basename(file).startsWith("sentinel-");
const handshake = ["auth", "client|setname", "info", "time"];
const onSentinels = unique([...handshake, ...sources.filter(forSentinels).flatMap(sentBy)]);
const onServers = unique([
  // `sendReads` is the one place that sends what it is given.
  ...sources
    .filter((file) => !forSentinels(file))
    .flatMap(sentBy)
    .filter((name) => name !== "? script-call.ts: name"),
  ...reads(),
  ...filesIn("src", ".lua").flatMap(calledBy),
]);

describe("the commands in docs/managed-redis.md", () => {
  test("are those that data servers are sent", () => {
    assert.ok(onServers.length > 20, "the sources are read wrongly");
    assert.deepEqual(unique(documented("On data servers")), onServers);
  });

  test("are those that sentinels are sent", () => {
    assert.ok(onSentinels.includes("sentinel|get-master-addr-by-name"), "the sources are read wrongly");
    assert.deepEqual(unique(documented("On sentinels")), onSentinels);
  });

  test("are each named once", () => {
    for (const heading of ["On data servers", "On sentinels"]) {
      assert.equal(documented(heading).length, new Set(documented(heading)).size);
    }
  });

  test("are all in the access lists of docs/topologies.md", () => {
    // AUTH needs no right; SELECT is granted where there is a database; a sentinel refuses a list with TIME, which it does not know.
    const missing = (names: readonly string[], rights: readonly string[]): readonly string[] =>
      names.filter((name) => !rights.includes(name));
    assert.deepEqual(missing(onServers, granted("cluster")), ["auth", "select"]);
    assert.deepEqual(missing(onSentinels, granted("sentinels")), ["auth", "time"]);
  });

  test("the handshake is the same everywhere", () => {
    const connection = sources.filter((file) => basename(file) === "connection.ts").flatMap(sentBy);
    assert.deepEqual(unique(connection), unique([...handshake, "select"]));
  });
});
