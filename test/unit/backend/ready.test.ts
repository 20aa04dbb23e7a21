import { createServer as createHttpServer } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { inspect } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { FleetError } from "../../../src/core/errors.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { freePort } from "../../support/servers/free-port.js";
import { startSingle } from "../../support/servers/single.js";
import { startSentinel } from "../../support/servers/sentinel.js";
import { until } from "../../support/until.js";
import { bulk, failure, FakeServer, info, list, silence, type Answer } from "./fake-server.js";
import { openBackend, openBackendUntilClosed, rejection, type BackendForTest } from "./open-backend.js";
import { certificate, privateKey } from "./self-signed.js";

// `ready()` says what is wrong, never just "not ready", and never hangs.

const quick = { connect: 200, start: 800 };
const sentinel = { name: "mymaster" };

// Tests that run side by side have no end of their own to hang this on.
const started: (() => unknown)[] = [];
afterAll(async () => {
  await Promise.all(started.map((stop) => stop()));
});

async function fake(answer?: Answer): Promise<FakeServer> {
  const server = await FakeServer.start(answer);
  started.push(() => server.stop());
  return server;
}

async function listen(server: Server): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  started.push(() => server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

/** The error of `ready()`, with what must hold for each of them. */
async function refused(options: BackendForTest): Promise<FleetError> {
  const began = performance.now();
  const backend = openBackendUntilClosed({ timeouts: quick, ...options });
  const error = await rejection<FleetError>(backend.ready()).finally(() => backend.close());
  expect(performance.now() - began).toBeLessThan(5 * quick.start);
  expect(error).toBeInstanceOf(FleetError);
  expect(error.message).toContain(`the ${backend.kind} backend was not ready within ${quick.start} ms`);
  expect(error.executed).toBe("no");
  expect(error.status).toBe(503);
  return error;
}

describe.concurrent("a single server", () => {
  test("that nobody runs", async ({ expect }) => {
    const error = await refused({ nodes: [{ host: "127.0.0.1", port: await freePort() }] });
    expect(error).toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
      help: expect.stringContaining("is the server running"),
    });
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("that nobody runs, by a name with two addresses", async ({ expect }) => {
    const error = await refused({ nodes: [{ host: "localhost", port: await freePort() }] });
    expect(error).toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
      help: expect.stringContaining("is the server running"),
    });
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("of whose socket there is no trace", async ({ expect }) => {
    const path = join(tmpdir(), `express-fleet-no-such-${process.pid}.sock`);
    const error = await refused({ nodes: [{ host: "localhost", port: 0, path }] });
    expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", help: expect.stringContaining("is the path right") });
  });

  test("whose password is in a file that is not there", async ({ expect }) => {
    const server = await fake();
    const error = await refused({ nodes: [server.address], password: { file: "/no/such/password" } });
    expect(error).toMatchObject({ code: "ERR_FLEET_CONFIG_FILE", help: expect.stringContaining("path") });
  });

  test("whose name does not resolve", async ({ expect }) => {
    const error = await refused({ nodes: [{ host: "no-such-host.invalid", port: 6379 }] });
    expect(error.code).toBe("ERR_FLEET_UNAVAILABLE");
    expect(error.help).toMatch(/name/);
  });

  test("that refuses the password", async ({ expect }) => {
    const server = await fake(([name]) =>
      name === "AUTH" ? failure("WRONGPASS invalid username-password pair or user is disabled.") : undefined,
    );
    const error = await refused({ nodes: [server.address], password: "s3cret" });
    expect(error).toMatchObject({ code: "ERR_FLEET_AUTH", help: expect.stringContaining("FLEET_PASSWORD") });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("s3cret");
  });

  test("that wants a password and gets none", async ({ expect }) => {
    const server = await fake(() => failure("NOAUTH Authentication required."));
    expect(await refused({ nodes: [server.address] })).toMatchObject({
      code: "ERR_FLEET_AUTH",
      help: expect.stringContaining("FLEET_PASSWORD"),
    });
  });

  test.each(["ERR invalid password", "ERR wrong number of arguments for 'auth' command"])(
    "that answers AUTH with %s",
    async (reply) => {
      const server = await fake(([name]) => (name === "AUTH" ? failure(reply) : undefined));
      expect((await refused({ nodes: [server.address], username: "app", password: "x" })).code).toBe("ERR_FLEET_AUTH");
    },
  );

  test.each([
    "ERR Client sent AUTH, but no password is set",
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
  ])("that has no password, and gets one: %s", async (reply) => {
    const server = await fake(([name]) => (name === "AUTH" ? failure(reply) : undefined));
    expect(await refused({ nodes: [server.address], password: "x" })).toMatchObject({
      code: "ERR_FLEET_AUTH",
      help: expect.stringContaining("leave the password away"),
    });
  });

  test("that has no such database", async ({ expect }) => {
    const server = await fake(([name]) => (name === "SELECT" ? failure("ERR DB index is out of range") : undefined));
    expect(await refused({ nodes: [server.address], database: 99 })).toMatchObject({
      code: "ERR_FLEET_DB_OUT_OF_RANGE",
      help: expect.stringContaining("use database 0"),
    });
  });

  test("that is a node of a cluster", async ({ expect }) => {
    const server = await fake(([name]) => (name === "INFO" ? info({ redis_mode: "cluster" }) : undefined));
    expect(await refused({ nodes: [server.address] })).toMatchObject({
      code: "ERR_FLEET_MODE_IS_CLUSTER",
      help: expect.stringContaining(`redis+cluster://127.0.0.1:${server.port}`),
    });
  });

  test("that is a Sentinel", async ({ expect }) => {
    const server = await fake(([name]) =>
      name === "INFO" ? info({ redis_mode: "sentinel", role: undefined }) : undefined,
    );
    expect(await refused({ nodes: [server.address] })).toMatchObject({
      code: "ERR_FLEET_MODE_IS_SENTINEL",
      help: expect.stringContaining("redis+sentinel://"),
    });
  });

  test("that is a replica", async ({ expect }) => {
    const server = await fake(([name]) => (name === "INFO" ? info({ role: "slave" }) : undefined));
    const error = await refused({ nodes: [server.address] });
    expect(error).toMatchObject({
      code: "ERR_FLEET_IS_REPLICA",
      help: expect.stringContaining("give the address of the primary"),
    });
    expect(error.message).toContain("is a replica");
  });

  test.each(["2.8.24", "3.2.13", "4.0.14"])("of version %s", async (version) => {
    const server = await fake(([name]) => (name === "INFO" ? info({ redis_version: version }) : undefined));
    const error = await refused({ nodes: [server.address] });
    expect(error).toMatchObject({ code: "ERR_FLEET_VERSION", help: expect.stringContaining("5.0") });
    expect(error.message).toContain(version);
  });

  test("that is no Redis but an HTTP server", async ({ expect }) => {
    const address = await listen(createHttpServer((_request, response) => response.end("hello")));
    expect(await refused({ nodes: [address] })).toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
      help: expect.stringContaining("no Redis"),
    });
  });

  test("that is no Redis but greets like a mail server", async ({ expect }) => {
    const address = await listen(createTcpServer((socket) => void socket.write("220 mail.example.org ESMTP\r\n")));
    expect((await refused({ nodes: [address] })).help).toContain("no Redis");
  });

  test("that accepts and hangs up, as a proxy without a server behind it does", async ({ expect }) => {
    const address = await listen(createTcpServer((socket) => socket.end()));
    expect(await refused({ nodes: [address] })).toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
      help: expect.stringContaining("hung up"),
    });
  });

  test("that turns everybody away in its first words", async ({ expect }) => {
    const address = await listen(
      createTcpServer((socket) => void socket.end("-ERR max number of clients reached\r\n")),
    );
    const error = await refused({ nodes: [address] });
    expect(error.code).toBe("ERR_FLEET_UNAVAILABLE");
    expect(error.message).toContain("no room for another connection (maxclients)");
    expect(error.message).not.toContain("Please report");
  });

  test("that accepts and says nothing", async ({ expect }) => {
    const server = await fake(() => silence);
    const error = await refused({ nodes: [server.address] });
    expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", help: expect.stringContaining("firewall") });
    expect(error.message).toContain("no answer within 200 ms");
  });

  test("that is loading", async ({ expect }) => {
    const server = await fake(([name]) => (name === "INFO" ? info({ loading: "1" }) : undefined));
    const error = await refused({ nodes: [server.address] });
    expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE" });
    expect(error.message).toContain("LOADING");
  });

  test("whose port speaks TLS, spoken to in plain text", async ({ expect }) => {
    const address = await listen(createTlsServer({ cert: certificate, key: privateKey }));
    expect(await refused({ nodes: [address] })).toMatchObject({
      code: "ERR_FLEET_TLS",
      help: expect.stringContaining("rediss://"),
    });
  });

  test("whose port does not speak TLS, spoken to in TLS", async ({ expect }) => {
    const address = await listen(
      createTcpServer((socket) => socket.once("data", () => void socket.write("-ERR unknown command\r\n"))),
    );
    expect(await refused({ nodes: [address], tls: {} })).toMatchObject({
      code: "ERR_FLEET_TLS",
      help: expect.stringContaining("does not speak TLS"),
    });
  });

  test("whose certificate nobody vouches for", async ({ expect }) => {
    const address = await listen(createTlsServer({ cert: certificate, key: privateKey }));
    expect(await refused({ nodes: [address], tls: {} })).toMatchObject({
      code: "ERR_FLEET_TLS",
      help: expect.stringContaining("FLEET_TLS_CA_FILE"),
    });
  });

  test("whose certificate is for another name", async ({ expect }) => {
    const address = await listen(createTlsServer({ cert: certificate, key: privateKey }));
    expect(await refused({ nodes: [address], tls: { ca: certificate, servername: "other.example" } })).toMatchObject({
      code: "ERR_FLEET_TLS",
      help: expect.stringContaining("FLEET_TLS_SERVERNAME"),
    });
  });

  test("that wants a certificate of its clients", async ({ expect }) => {
    const address = await listen(
      createTlsServer({ cert: certificate, key: privateKey, ca: certificate, requestCert: true }),
    );
    expect(await refused({ nodes: [address], tls: { ca: certificate, servername: "localhost" } })).toMatchObject({
      code: "ERR_FLEET_TLS",
      help: expect.stringContaining("FLEET_TLS_CERT_FILE"),
    });
  });

  test("whose TLS files cannot be read", async ({ expect }) => {
    const server = await fake();
    const error = await refused({ nodes: [server.address], tls: { caFile: "/no/such/ca.pem" } });
    expect(error.code).toBe("ERR_FLEET_CONFIG_FILE");
    expect(error.message).toContain("tls.caFile");
  });
});

describe("a server that answers over TLS", () => {
  test("is used", async ({ expect }) => {
    const plain = await fake();
    const address = await listen(
      createTlsServer({ cert: certificate, key: privateKey }, (socket) => {
        const inner = connect(plain.address);
        for (const side of [socket, inner]) side.on("error", () => undefined);
        socket.pipe(inner).pipe(socket);
      }),
    );
    const backend = openBackendUntilClosed({ nodes: [address], tls: { ca: certificate, servername: "localhost" } });
    started.unshift(() => backend.close());
    await backend.ready();
    expect(backend.state).toBe("ready");
  });
});

describe.concurrent("a cluster", () => {
  test("whose seed is a standalone server", async ({ expect }) => {
    const server = await fake(([name]) =>
      name === "CLUSTER" ? failure("ERR This instance has cluster support disabled") : undefined,
    );
    expect(await refused({ kind: "cluster", nodes: [server.address] })).toMatchObject({
      code: "ERR_FLEET_MODE_NOT_CLUSTER",
      help: expect.stringContaining(`redis://127.0.0.1:${server.port}`),
    });
  });

  test("whose seed is a Sentinel, beside one that is away: the mistake is named, not the absence", async ({
    expect,
  }) => {
    const server = await fake(([name]) => (name === "INFO" ? info({ redis_mode: "sentinel" }) : undefined));
    const away = { host: "127.0.0.1", port: await freePort() };
    expect((await refused({ kind: "cluster", nodes: [away, server.address] })).code).toBe("ERR_FLEET_MODE_IS_SENTINEL");
  });

  test("that knows no slots yet", async ({ expect }) => {
    const server = await fake(([name]) => {
      if (name === "INFO") return info({ redis_mode: "cluster" });
      return name === "CLUSTER" ? list() : undefined;
    });
    const error = await refused({ kind: "cluster", nodes: [server.address] });
    expect(error.message).toContain("knows of no slots yet");
  });

  test("that takes no database but 0", async ({ expect }) => {
    const server = await fake(([name]) => {
      if (name === "SELECT") return failure("ERR SELECT is not allowed in cluster mode");
      return name === "INFO" ? info({ redis_mode: "cluster" }) : undefined;
    });
    expect((await refused({ kind: "cluster", nodes: [server.address], database: 3 })).code).toBe(
      "ERR_FLEET_DB_OUT_OF_RANGE",
    );
  });

  test("that nobody runs", async ({ expect }) => {
    const error = await refused({ kind: "cluster", nodes: [{ host: "127.0.0.1", port: await freePort() }] });
    expect(error).toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
      help: expect.stringContaining("is the server running"),
    });
  });
});

describe.concurrent("sentinels", () => {
  test("that are a data server", async ({ expect }) => {
    const server = await fake(([name]) =>
      name === "SENTINEL"
        ? failure("ERR unknown command 'sentinel', with args beginning with: 'get-master-addr-by-name'")
        : undefined,
    );
    expect(await refused({ kind: "sentinel", nodes: [server.address], sentinel })).toMatchObject({
      code: "ERR_FLEET_MODE_NOT_SENTINEL",
      help: expect.stringContaining(`redis://127.0.0.1:${server.port}`),
    });
  });

  test.each([
    [
      "names the known ones",
      list(list(bulk("name"), bulk("orders"), bulk("port"), bulk("1")), list(bulk("name"), bulk("users"))),
      "they know: orders, users",
    ],
    ["says that there are none", list(), "they tell of none that they monitor"],
    [
      "does without when it may not ask",
      failure("NOPERM this user has no permissions"),
      "they tell of none that they monitor",
    ],
  ])("that know no primary of this name: %s", async (_what, masters, help) => {
    const server = await fake(([name, question]) => {
      if (name === "INFO") return info({ redis_mode: "sentinel", role: undefined });
      if (name !== "SENTINEL") return undefined;
      if (question === "get-master-addr-by-name") return "*-1\r\n";
      return question === "masters" ? masters : failure("ERR No such master with that name");
    });
    const error = await refused({ kind: "sentinel", nodes: [server.address], sentinel });
    expect(error).toMatchObject({ code: "ERR_FLEET_SENTINEL_NO_SUCH_MASTER", help });
    expect(error.message).toContain('"mymaster"');
  });

  test("that refuse the password", async ({ expect }) => {
    const server = await fake(() => failure("NOAUTH Authentication required."));
    expect((await refused({ kind: "sentinel", nodes: [server.address], sentinel })).code).toBe("ERR_FLEET_AUTH");
  });

  test("of which none answers", async ({ expect }) => {
    const server = await fake(() => silence);
    const away = { host: "127.0.0.1", port: await freePort() };
    const error = await refused({ kind: "sentinel", nodes: [away, server.address], sentinel });
    expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE" });
    expect(error.help).toMatch(/running|firewall/);
  });

  test("that name a primary which is away", async ({ expect }) => {
    const port = await freePort();
    const server = await fake(([name, question]) => {
      if (name !== "SENTINEL") return undefined;
      return question === "get-master-addr-by-name" ? list(bulk("127.0.0.1"), bulk(String(port))) : list();
    });
    const error = await refused({ kind: "sentinel", nodes: [server.address], sentinel });
    expect(error.message).toContain(`127.0.0.1:${port} cannot be reached`);
  });
});

describe("ready()", () => {
  test("resolves when the server answers, also one that comes later", async () => {
    const server = await fake();
    await server.stop();
    const clock = new FakeClock();
    const backend = openBackend({ nodes: [server.address], clock });
    const ready = backend.ready();
    await clock.advanceAsync(3_000);
    expect(backend.state).toBe("starting");
    await server.resume();
    await untilReady(backend, clock);
    await ready;
  });

  test("rejects after its time and not before, and can be called again", async () => {
    const server = await fake();
    await server.stop();
    const clock = new FakeClock();
    const backend = openBackend({ nodes: [server.address], clock });
    let settled = false;
    const ready = rejection(backend.ready()).finally(() => {
      settled = true;
    });
    await clock.advanceAsync(9_999);
    expect(settled).toBe(false);
    await clock.advanceAsync(1);
    expect((await ready).code).toBe("ERR_FLEET_UNAVAILABLE");
    await server.resume();
    const again = backend.ready();
    await untilReady(backend, clock);
    await again;
  });

  test("rejects when the backend is closed meanwhile, and after", async () => {
    const server = await fake(() => silence);
    const backend = openBackend({ nodes: [server.address] });
    const ready = rejection(backend.ready());
    await backend.close();
    expect((await ready).code).toBe("ERR_FLEET_CLOSED");
    expect((await rejection(backend.ready())).code).toBe("ERR_FLEET_CLOSED");
  });
});

test("real servers: each mistake of a mode has its code", async () => {
  const [single, sentinels] = await Promise.all([
    startSingle({ password: "right" }),
    startSentinel({ replicas: 1, sentinels: 1 }),
  ]);
  started.push(
    () => single.stop(),
    () => sentinels.stop(),
  );
  const data = single.config.nodes;
  const watchers = sentinels.config.nodes;
  const [replica] = await sentinels.replicas();
  const primary = await sentinels.primary();
  const codes = await Promise.all(
    [
      { nodes: data },
      { nodes: data, password: "wrong" },
      { nodes: data, username: "nobody", password: "right" },
      { nodes: data, password: "right", database: 16 },
      { nodes: data, password: "right", kind: "cluster" as const },
      { nodes: data, password: "right", kind: "sentinel" as const, sentinel: { name: "mymaster", password: "right" } },
      { nodes: watchers },
      { nodes: watchers, kind: "sentinel" as const, sentinel: { name: "other" } },
      { nodes: [primary], password: "surplus" },
      { nodes: replica === undefined ? [] : [replica] },
    ].map(async (options) => {
      const { code, message, help } = await refused({ timeouts: { connect: 1_000, start: quick.start }, ...options });
      return `${code} ${/replica/.test(message) ? "replica " : ""}${help === undefined ? "no help" : "help"}`;
    }),
  );
  expect(codes).toEqual([
    "ERR_FLEET_AUTH help",
    "ERR_FLEET_AUTH help",
    "ERR_FLEET_AUTH help",
    "ERR_FLEET_DB_OUT_OF_RANGE help",
    "ERR_FLEET_MODE_NOT_CLUSTER help",
    "ERR_FLEET_MODE_NOT_SENTINEL help",
    "ERR_FLEET_MODE_IS_SENTINEL help",
    "ERR_FLEET_SENTINEL_NO_SUCH_MASTER help",
    "ERR_FLEET_AUTH help",
    "ERR_FLEET_IS_REPLICA replica help",
  ]);
});

async function untilReady(backend: RedisBackend, clock: FakeClock): Promise<void> {
  await until(
    async () => {
      await clock.advanceAsync(100);
      return backend.state === "ready";
    },
    { what: "the backend to be ready" },
  );
}
