import { describe, expect, it } from "vitest";
import { describeStart } from "../../../src/config/describe.js";
import type { BackendOption, FleetConfigOptions } from "../../../src/config/options.js";
import { codes, type Env, failure, notices, resolve, said } from "./resolving.js";

const files = { "/ca.pem": "ca", "/cert.pem": "cert", "/key.pem": "key", "/secret": "s" };
const untyped = (options: unknown) => options as FleetConfigOptions;

/** The backend of the room `sessions`. */
function sessions(env: Env, options: FleetConfigOptions = {}, more: Parameters<typeof resolve>[2] = { files }) {
  return resolve(env, options, more).backends?.sessions;
}

describe("a backend of a room", () => {
  it.each<[string, BackendOption, object]>([
    ["memory", "memory", { kind: "memory" }],
    ["named memory", { memory: "demo" }, { kind: "memory", name: "demo" }],
    ["a URL", "rediss://u:p@h:1/2", { kind: "single", username: "u", password: "p", database: 2, tls: {} }],
    ["a JSON list", '["a:1","b:2"]', { kind: "cluster", nodes: [{ host: "a" }, { host: "b" }] }],
    [
      "nodes",
      { kind: "sentinel", nodes: ["s"], sentinel: { name: "m" } },
      { kind: "sentinel", sentinel: { name: "m" } },
    ],
    [
      "a URL with what stands beside it",
      { url: "redis://h", password: { file: "/secret" }, addressMap: { "a:1": "b:2" }, tls: { servername: "s" } },
      { password: { file: "/secret" }, addressMap: { "a:1": { host: "b", port: 2 } }, tls: { servername: "s" } },
    ],
  ])("is read like any other: %s", (_, backend, expected) => {
    expect(sessions({}, { backend: "redis://default", backends: { sessions: backend } })).toMatchObject(expected);
    if (typeof backend === "string")
      expect(sessions({ FLEET_BACKEND: "redis://default", FLEET_SESSIONS_BACKEND: backend })).toMatchObject(expected);
    const file = JSON.stringify({ backend: "redis://default", backends: { sessions: backend } });
    expect(sessions({}, { config: "f.json" }, { files: { ...files, "f.json": file } })).toMatchObject(expected);
  });

  it("leaves the default backend as it is", () => {
    const env = { FLEET_BACKEND: "redis://:p@default", FLEET_SESSIONS_BACKEND: "redis://:q@other" };
    expect(resolve(env).backend).toEqual(resolve({ FLEET_BACKEND: env.FLEET_BACKEND }).backend);
    expect(resolve({ FLEET_BACKEND: "redis://h" })).not.toHaveProperty("backends");
    expect(resolve({}, { backends: {} })).not.toHaveProperty("backends");
    expect(resolve({}, { backends: { sessions: undefined } })).not.toHaveProperty("backends");
  });

  it("may stand in .properties", () => {
    const text = "backend=redis://a\nbackends.sessions.url=redis://b\nbackends.sessions.password.file=/secret";
    expect(sessions({}, { config: "f.properties" }, { files: { ...files, "f.properties": text } })).toMatchObject({
      nodes: [{ host: "b", port: 6379 }],
      password: { file: "/secret" },
    });
  });
});

describe("what a room's backend takes from the default one", () => {
  const everything: Env = {
    FLEET_BACKEND: "redis+sentinel://u:p@default/m/3",
    FLEET_USERNAME: "user",
    FLEET_PASSWORD: "hunter2",
    FLEET_SENTINEL_PASSWORD: "hunter3",
    FLEET_TLS: "true",
    FLEET_TLS_CA_FILE: "/ca.pem",
    FLEET_TLS_CERT_FILE: "/cert.pem",
    FLEET_TLS_KEY_FILE: "/key.pem",
    FLEET_TLS_SERVERNAME: "default",
    FLEET_ADDRESS_MAP: "a:1=b:2",
    FLEET_CONNECT_TIMEOUT: "1s",
    REDIS_OPTIONS: '{"commandTimeout":2000,"tls":{"rejectUnauthorized":false}}',
    TYK_GW_STORAGE_PASSWORD: "hunter2",
    SPRING_REDIS_USERNAME: "user",
  };

  it("is nothing that belongs to a server, so that no password is sent to another one", () => {
    expect(sessions({ ...everything, FLEET_SESSIONS_BACKEND: "redis://other" }, { maxPending: 5 })).toEqual({
      kind: "single",
      nodes: [{ host: "other", port: 6379 }],
      database: 0,
      timeouts: { connect: 1000, command: 2000, start: 10_000 },
      maxPending: 5,
    });
  });

  it("is nothing of the object in code either", () => {
    const backend: BackendOption = {
      url: "rediss+sentinel://u:p@default/m",
      password: "hunter2",
      username: "v",
      tls: { ca: "ca", cert: "cert", key: "key" },
      addressMap: { "a:1": "b:2" },
      sentinel: { username: "s", password: "hunter3" },
    };
    const options = { backend, backends: { sessions: "rediss://other" } };
    expect(sessions({}, options)).toEqual({
      kind: "single",
      nodes: [{ host: "other", port: 6379 }],
      database: 0,
      tls: {},
      timeouts: { connect: 5000, command: 8000, start: 10_000 },
      maxPending: 10_000,
    });
  });

  it("is the CA of FLEET_TLS_CA_FILE, when it uses TLS and has none of its own", () => {
    const env = { ...everything, FLEET_SESSIONS_BACKEND: "rediss://other" };
    expect(sessions(env)).toMatchObject({ tls: { caFile: "/ca.pem" } });
    expect(resolve(env, {}, { files }).provenance["backends.sessions.tls.caFile"]?.name).toBe("FLEET_TLS_CA_FILE");
    const own = { backends: { sessions: { url: "redis://other", tls: { ca: "own" } } } };
    expect(sessions(everything, own)).toMatchObject({ tls: { ca: "own" } });
  });

  it("is the word that unchecked certificates are meant in production", () => {
    const env = { NODE_ENV: "production", FLEET_CONFIG: "f.json" };
    const file = {
      backend: "redis+cluster://a",
      backends: { sessions: { url: "redis+cluster://b", tls: { rejectUnauthorized: false } } },
    };
    const more = { files: { "f.json": JSON.stringify(file) } };
    expect(codes(env, {}, more)).toEqual(["ERR_FLEET_CONFIG_TLS_INSECURE"]);
    expect(sessions(env, { allowInsecureTls: true }, more)).toMatchObject({ tls: { rejectUnauthorized: false } });
  });

  it("is not what is missing: a user name needs a password of its own", () => {
    const options = { backends: { sessions: { url: "redis://other", username: "u" } } };
    const error = failure(everything, options, { files });
    expect(error.code).toBe("ERR_FLEET_CONFIG_AUTH");
    expect(error.message).toContain("backends.sessions.username");
    expect(error.help).not.toContain("FLEET_PASSWORD");
  });
});

describe("where a room's backend may be named", () => {
  const options: FleetConfigOptions = { backend: "memory", backends: { sessions: "redis://code" } };
  const file = (text: string) => ({ config: "f.json", more: { files: { ...files, "f.json": text } } });

  it("code counts more than a variable, and that more than a file", () => {
    const { config, more } = file('{"backends":{"sessions":"redis://file"}}');
    const env = { FLEET_SESSIONS_BACKEND: "redis://variable" };
    const hosts = [
      sessions(env, { ...options, config }, more),
      sessions(env, { backend: "memory", config }, more),
      sessions({}, { backend: "memory", config }, more),
    ].map((backend) => (backend?.kind === "single" ? backend.nodes[0]?.host : undefined));
    expect(hosts).toEqual(["code", "variable", "file"]);
    expect(resolve(env, { ...options, config }, more).notices).toEqual([
      {
        code: "INFO_FLEET_OVERRIDDEN",
        message:
          "not used, because backends.sessions in code names the backend: FLEET_SESSIONS_BACKEND; " +
          "not used, because backends.sessions names the backend: backends.sessions in f.json",
      },
    ]);
  });

  it("settings in code go with an address of the environment, and with no other", () => {
    const settings: FleetConfigOptions = { backend: "redis://default", backends: { sessions: { password: "p" } } };
    expect(sessions({ FLEET_SESSIONS_BACKEND: "redis://other" }, settings)).toMatchObject({ password: "p" });
    const error = failure({}, settings);
    expect(error.code).toBe("ERR_FLEET_CONFIG_REQUIRED");
    expect(error.message).toContain("backends.sessions.password is for a backend of the room sessions");
    expect(error.help).toContain("FLEET_SESSIONS_BACKEND");
  });

  it.each(["CACHE", "OPERATIONS"])("a room %s is not there yet", (room) => {
    const variable = failure({ FLEET_BACKEND: "memory", [`FLEET_${room}_BACKEND`]: "memory" });
    expect(variable.code).toBe("ERR_FLEET_CONFIG_UNSUPPORTED");
    expect(variable.help).toContain("rooms with a backend of their own: sessions, locks, reservations");
    const option = failure({}, untyped({ backend: "memory", backends: { [room.toLowerCase()]: "memory" } }));
    expect(option.code).toBe("ERR_FLEET_CONFIG_UNSUPPORTED");
    expect(option.help).toBe("rooms with a backend of their own: sessions, locks, reservations");
  });

  it("a room that was misspelt has the nearest one offered", () => {
    const error = failure({}, untyped({ backend: "memory", backends: { sesions: "memory" } }));
    expect(error.message).toContain("did you mean sessions?");
    const { notices: told } = resolve({ FLEET_BACKEND: "memory", FLEET_SESIONS_BACKEND: "memory" });
    expect(told[0]?.message).toContain("did you mean FLEET_SESSIONS_BACKEND?");
  });

  it.each<[string, unknown, string]>([
    ["a text", "redis://h", "ERR_FLEET_CONFIG_TYPE"],
    ["null", null, "ERR_FLEET_CONFIG_TYPE"],
    ["a number as backend", { sessions: 6379 }, "ERR_FLEET_CONFIG_TYPE"],
    ["an unknown name in it", { sessions: { url: "redis://h", colour: "red" } }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a broken URL", { sessions: "redis://h:x" }, "ERR_FLEET_CONFIG_PORT"],
    ["no node", { sessions: { kind: "cluster", nodes: [] } }, "ERR_FLEET_CONFIG_EMPTY_NODES"],
  ])("%s is refused", (_, backends, code) => {
    const error = failure({}, untyped({ backend: "memory", backends }));
    expect(error.problems.map((problem) => problem.code)).toEqual([code]);
    expect(error.message).toContain("backends");
  });

  it("a mistake in it is told beside those of the default backend", () => {
    expect(codes({ FLEET_BACKEND: "redis://h:x", FLEET_SESSIONS_BACKEND: "http://h" })).toEqual([
      "ERR_FLEET_CONFIG_SCHEME",
      "ERR_FLEET_CONFIG_PORT",
    ]);
  });
});

describe("what is said of a room's backend", () => {
  it("is the origin of each of its values", () => {
    const env = { FLEET_SESSIONS_BACKEND: "redis://:p@h", FLEET_BACKEND: "redis://d", FLEET_CONNECT_TIMEOUT: "1s" };
    const { provenance } = resolve(env);
    expect(Object.entries(provenance).filter(([path]) => path.startsWith("backends."))).toEqual([
      ["backends.sessions.kind", { origin: "env", name: "FLEET_SESSIONS_BACKEND" }],
      ["backends.sessions.nodes", { origin: "env", name: "FLEET_SESSIONS_BACKEND" }],
      ["backends.sessions.password", { origin: "env", name: "FLEET_SESSIONS_BACKEND" }],
      ["backends.sessions.database", { origin: "default", name: "default" }],
      ["backends.sessions.tls", { origin: "default", name: "default" }],
      ["backends.sessions.timeouts.connect", { origin: "env", name: "FLEET_CONNECT_TIMEOUT" }],
      ["backends.sessions.timeouts.command", { origin: "default", name: "default" }],
      ["backends.sessions.timeouts.start", { origin: "default", name: "default" }],
      ["backends.sessions.maxPending", { origin: "default", name: "default" }],
    ]);
    expect(provenance["backend.nodes"]?.name).toBe("FLEET_BACKEND");
  });

  it("is a part of the line at start", () => {
    const env = { FLEET_BACKEND: "redis://d", FLEET_CONNECT_TIMEOUT: "1s", FLEET_SESSIONS_BACKEND: "redis://x" };
    const backends = { sessions: { url: "redis+cluster://:hunter2@a,b", password: () => "hunter3" } };
    expect(describeStart(resolve(env, { backends }))).toBe(
      "express-fleet: backend single redis://d:6379/0 (FLEET_BACKEND), " +
        "backend of sessions cluster redis+cluster://***@a:6379,b:6379 (code: backends.sessions.url), " +
        "namespace fleet (default), instance web-1-42 (default), timeouts.connect 1000 ms (FLEET_CONNECT_TIMEOUT), " +
        "sessions password (code: backends.sessions.password)",
    );
  });

  it("are the warnings of the default backend", () => {
    const production = { NODE_ENV: "production", FLEET_BACKEND: "redis+cluster://a" };
    const memory = resolve({ ...production, FLEET_SESSIONS_BACKEND: "memory" });
    expect(memory.notices.map((notice) => notice.code)).toEqual(["WARN_FLEET_MEMORY"]);
    expect(memory.notices[0]?.message).toContain("used for sessions in production");
    expect(memory.notices[0]?.help).toBe("FLEET_SESSIONS_BACKEND=redis://host:6379");
    const single = resolve({ ...production, FLEET_SESSIONS_BACKEND: "redis://h?password=hunter2" });
    expect(single.notices.map((notice) => notice.code)).toEqual([
      "WARN_FLEET_SECRET_IN_QUERY",
      "WARN_FLEET_SINGLE_IN_PRODUCTION",
    ]);
    expect(said(single)).not.toContain("hunter2");
    expect(notices({ FLEET_BACKEND: "memory", FLEET_SESSIONS_BACKEND: "memory", NODE_APP_INSTANCE: "1" })).toEqual([
      "WARN_FLEET_MEMORY_MULTIPROCESS",
    ]);
  });

  it("does not count as unused what only a room uses", () => {
    const env = { FLEET_BACKEND: "memory", FLEET_TLS_CA_FILE: "/ca.pem", FLEET_SESSIONS_BACKEND: "rediss://h" };
    expect(notices(env, {}, { files })).toEqual([]);
    expect(notices({ ...env, FLEET_PASSWORD: "p" }, {}, { files })).toEqual(["WARN_FLEET_REDIS_UNUSED"]);
    expect(notices({ ...env, FLEET_SESSIONS_BACKEND: "redis://h" }, {}, { files })).toEqual([
      "WARN_FLEET_REDIS_UNUSED",
    ]);
  });

  it("is required for the others in production all the same", () => {
    expect(codes({ NODE_ENV: "production", FLEET_SESSIONS_BACKEND: "redis+cluster://a" })).toEqual([
      "ERR_FLEET_BACKEND_REQUIRED",
    ]);
  });
});
