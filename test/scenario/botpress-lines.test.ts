import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startChild } from "../support/child.js";
import { HttpClient } from "../support/http-client.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster } from "../support/servers/cluster.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { Shell } from "../support/shell.js";
import { until } from "../support/until.js";

// The command lines of Botpress' page, run by bash as a reader would run them: only the placeholders are filled in, and
// `./bp` is our example. Where a line cannot work in a shell, nothing may start that has a memory of its own.

const example = fileURLToPath(new URL("../../build/examples/express-app.js", import.meta.url));
const page = readFileSync(new URL("fixtures/botpress-clustering.md", import.meta.url), "utf8");
const app = `'${process.execPath}' '${example}'`;
const production = {
  PORT: "0",
  NODE_ENV: "production",
  SESSION_SECRET: "a secret of at least thirty-two bytes, for tests",
};
const password = "admin123";

let single: SingleTopology;
let guarded: SingleTopology;
let cluster: ClusterTopology;
beforeAll(async () => {
  [single, guarded, cluster] = await Promise.all([
    startSingle(),
    startSingle({ password }),
    startCluster({ primaries: 3, replicas: 0 }),
  ]);
});
afterAll(async () => {
  await Promise.all([single, guarded, cluster].map((servers) => servers?.stop()));
});

/** The lines that the page has under a title. */
function lines(title: string): string {
  const found = new RegExp(`^## ${title}\\n\\n\`\`\`bash\\n(.*?)\`\`\`$`, "ms").exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has nothing under ${title}`);
  return found;
}

/** Fills in what the page leaves to its reader. */
function filled(text: string, servers: SingleTopology, program = app): string {
  return text
    .replaceAll("<license_key>", "0000-0000")
    .replaceAll("<public_url>", "http://bot.example.com")
    .replace("redis://host:port", `redis://127.0.0.1:${servers.server.port}`)
    .replace("@host:port/", "@127.0.0.1:5432/")
    .replace("./bp", program);
}

const binary = (): string => filled(lines("Enable Redis: Binary"), single);
const options = lines("Advanced Redis Options").trim();

/** The page's list with the ports of a cluster that is there. */
function replication(): string {
  const ports = cluster.config.nodes.map(({ port }) => String(port));
  const text = filled(lines("Enable Redis Replication"), single);
  return ["7004", "7001", "7002"].reduce((given, port, index) => given.replace(`:${port}`, `:${ports[index]}`), text);
}

/** The same with the backslash that the page forgets after the list. */
const replicationInOneCommand = (): string => replication().replace(/^(REDIS_URL=.*)$/m, "$1 \\");

function run(commands: string, environment: Readonly<Record<string, string>> = production): Shell {
  const shell = new Shell(commands, environment);
  onTestFinished(() => shell.stop());
  return shell;
}

interface Browser {
  readonly client: HttpClient;
  get(
    path: string,
    method?: string,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
}

/** Visits the app that a shell has started. */
async function visit(shell: Shell): Promise<Browser> {
  const client = new HttpClient(await shell.printed(/http:\/\/127\.0\.0\.1:\d+/));
  onTestFinished(() => client.close());
  const get: Browser["get"] = async (path, method = "GET") => {
    const { status, text } = await client.request({ path, method });
    return { status, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };
  return { client, get };
}

/** Starts the same command twice and has one browser go from one process to the other. */
async function shareSession(commands: string): Promise<void> {
  const [one, other] = await Promise.all([run(commands), run(commands)].map(visit));
  if (one === undefined || other === undefined) throw new Error("two were started");
  expect(await one.get("/login/ann", "POST")).toEqual({ status: 200, body: { user: "ann" } });
  for (const [name, value] of one.client.cookies) other.client.cookies.set(name, value);
  const first = await other.get("/");
  const second = await one.get("/");
  expect([first.body["user"], first.body["visits"]]).toEqual(["ann", 1]);
  expect([second.body["user"], second.body["visits"]]).toEqual(["ann", 2]);
  expect(first.body["instance"]).not.toBe(second.body["instance"]);
  expect((await other.get("/logout", "POST")).status).toBe(204);
  expect((await one.get("/")).body["user"]).toBe(null);
  const [ready, otherReady] = await Promise.all([one.get("/healthz/ready"), other.get("/healthz/ready")]);
  expect(ready.body["settings"]).toMatch(/^[\w-]{16}$/);
  expect(otherReady.body["settings"]).toBe(ready.body["settings"]);
}

/** Runs what cannot work; resolves with what it said, once it has ended without having served anything. */
async function refused(
  commands: string,
  code: number,
  environment?: Readonly<Record<string, string>>,
): Promise<string> {
  const shell = run(commands, environment);
  expect(await Promise.race([shell.exited, shell.printed(/http:.*/).catch(() => shell.exited)])).toBe(code);
  expect(shell.stdout).toBe("");
  expect(shell.stderr).not.toContain(password);
  return shell.stderr;
}

/** What of the page's variables reaches the program. */
async function reaching(commands: string): Promise<Readonly<Record<string, string>>> {
  const shell = run(commands, {});
  await shell.exited;
  const variables = [...shell.stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]);
  return Object.fromEntries(variables.filter(([name = ""]) => !["PATH", "PWD", "SHLVL", "_"].includes(name)));
}

describe("Enable Redis, binary", () => {
  test("two processes started with the same command share a session", async () => {
    await shareSession(binary());
    expect(String(await single.server.command("KEYS", "*"))).toMatch(/(?:^|,)fleet:sessions:/);
  });

  test("the first line, which lacks a backslash, does not reach the program, and nothing needs it", async () => {
    const variables = await reaching(filled(lines("Enable Redis: Binary"), single, "env"));
    expect(Object.keys(variables).toSorted()).toEqual([
      "BPFS_STORAGE",
      "BP_CONFIG_PRO_LICENSEKEY",
      "CLUSTER_ENABLED",
      "DATABASE_URL",
      "EXTERNAL_URL",
      "REDIS_URL",
    ]);
  });

  test("with the placeholders left in it is the shell that stops", async () => {
    const said = await refused(lines("Enable Redis: Binary").replace("./bp", app), 1);
    expect(said).toContain("license_key");
  });
});

/** Docker as far as this command goes: of the variables only those of `-e` reach the program. */
const docker = `docker() {
  [ "$1 $2" = "run -d" ] || return 64
  shift 2
  local variables=()
  while [ $# -gt 1 ]; do
    [ "$1" = -e ] && variables+=("$2")
    shift 2
  done
  [ "$1" = "botpress/server:$TAG" ] || return 125
  env -i PORT=0 NODE_ENV=production SESSION_SECRET="$SESSION_SECRET" "\${variables[@]}" ${app}
}
`;

test("Enable Redis, Docker: two containers started with the same command share a session", async () => {
  await single.server.command("FLUSHALL");
  await shareSession(`TAG=v12_22_0\n${docker}${filled(lines("Enable Redis: Docker"), single)}`);
  expect(String(await single.server.command("KEYS", "*"))).toMatch(/(?:^|,)fleet:sessions:/);
});

describe("Enable Redis Replication", () => {
  test("as printed: the missing backslash keeps REDIS_URL from the program, and the error says where it must stand", async () => {
    expect(Object.keys(await reaching(replication().replace(app, "env")))).toEqual(["DATABASE_URL"]);
    const said = await refused(replication(), 1);
    expect(said).toContain("ERR_FLEET_BACKEND_REQUIRED");
    expect(said).toContain("REDIS_URL, CLUSTER_ENABLED");
    expect(said).toContain("in a shell the variable must stand on the line of the command or be exported");
  });

  test("as printed, where REDIS_URL was exported before: the quotes are eaten, and the error prints the line to write", async () => {
    const said = await refused(replication(), 1, { ...production, REDIS_URL: "redis://127.0.0.1:1" });
    expect(said).toContain("ERR_FLEET_CONFIG_JSON");
    expect(said).toContain("its double quotes were eaten by a shell");
  });

  test("in one command but without quotes: the line that the error prints works on a cluster", async () => {
    const said = await refused(replicationInOneCommand(), 1);
    expect(said).toContain("ERR_FLEET_CONFIG_JSON");
    expect(said).toContain("its double quotes were eaten by a shell");
    const line = /^write: (REDIS_URL=.*)$/m.exec(said)?.[1];
    if (line === undefined) throw new Error(`no line to write in:\n${said}`);
    await shareSession(replicationInOneCommand().replace(/^REDIS_URL=.* \\$/m, () => `${line} \\`));
    const keys = await Promise.all((await cluster.primaries()).map((node) => cluster.command(node, "DBSIZE")));
    expect(keys.map(Number).reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  });
});

describe("Advanced Redis Options, where the server wants the password", () => {
  const command = (): string => filled(lines("Enable Redis: Binary"), guarded);
  const quoted = options.replace("=", "='").concat("'");
  const before = (assignment: string): string =>
    command().replace("CLUSTER_ENABLED", `${assignment} \\\nCLUSTER_ENABLED`);

  test("as printed: the shell runs what stands after the space", async () => {
    expect(await refused(options, 127)).toContain("connectTimeout:: command not found");
  });

  test("in front of the command: nothing starts", async () => {
    expect(await refused(before(options), 127)).toContain("connectTimeout:: command not found");
  });

  test("above the command: the password is lost, and the process serves nobody and says why", async () => {
    const shell = run(`${options}\n${command()}`, { ...production, FLEET_COMMAND_TIMEOUT: "500ms" });
    const { get } = await visit(shell);
    await until(() => shell.stderr.includes("WARN_FLEET_BACKEND_FATAL"), { what: "the reason" });
    expect(shell.stderr).toContain("connectTimeout:: command not found");
    expect(shell.stderr).toMatch(/127\.0\.0\.1:\d+ refuses the credentials: NOAUTH/);
    expect((await get("/healthz/ready?verbose")).body).toMatchObject({
      status: "fail",
      checks: { backend: [{ observedValue: { kind: "single", state: "fatal" } }] },
    });
    expect((await get("/login/ann", "POST")).status).toBe(503);
  });

  test("above the command, in a script that stops at errors: nothing starts", async () => {
    expect(await refused(`set -e\n${options}\n${command()}`, 127)).toContain("connectTimeout:: command not found");
  });

  test("exported: the rest that the shell leaves is refused, with the line to write", async () => {
    const said = await refused(`export ${options}\n${command()}`, 1);
    expect(said).toContain("ERR_FLEET_CONFIG_JSON");
    expect(said).toContain("the shell cut it at the first space, so add what followed");
    expect(said).toContain(`write: REDIS_OPTIONS='{"password":"***"}'`);
  });

  test("in single quotes, in front of the command: two processes share a session", async () => {
    await shareSession(before(quoted));
    expect(Number(await guarded.server.command("DBSIZE"))).toBeGreaterThan(0);
  });
});

test("the example ends by itself after SIGTERM, with code 0", async () => {
  const child = startChild(example, { environment: { ...production, FLEET_BACKEND: "memory" }, lifetime: 30_000 });
  const [address = ""] = await until(() => /http:\/\/\S+/.exec(child.stdout), { what: "its address" });
  const client = new HttpClient(address);
  expect((await client.request({ path: "/healthz/ready" })).status).toBe(200);
  const ended = child.kill("SIGTERM");
  await until(async () => (await client.request({ path: "/healthz/ready" })).status === 503, { what: "it to drain" });
  expect((await client.request({ path: "/" })).status).toBe(200);
  client.close();
  expect(await ended).toEqual({ code: 0, signal: null, overdue: false });
});
