import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BackendConfig, FleetConfig } from "../../../src/config/backend-config.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { canonicalText, settingsFingerprint } from "../../../src/core/settings-fingerprint.js";
import { fleetSettings } from "../../../src/fleet-settings.js";
import { resolve, type Env } from "../config/resolving.js";

const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);
const rooms = { sessions: { format: 1 } };
const here = { process: "host 1 0", fleet: "aaaa" };

/** What `/healthz/ready` shows of a configuration, wherever it came from. */
function settings(config: FleetConfig, sessions?: BackendConfig, whereabouts = here): string {
  const all = sessions === undefined ? config : { ...config, backends: { sessions } };
  return settingsFingerprint(config.namespace, fleetSettings(all, rooms, whereabouts));
}

const from = (env: Env, options: FleetConfigOptions = {}, whereabouts = here): string =>
  settings(resolve(env, options), undefined, whereabouts);
const inCode = (options: FleetConfigOptions): string => from({}, options);

describe("two instances that are set up alike have one value", () => {
  const list = '[{"host":"redis-1","port":7001},{"host":"redis-2","port":"7002"},"redis-3"]';
  test.each<[what: string, env: Env, options?: FleetConfigOptions]>([
    ["a list in REDIS_URL", { REDIS_URL: list, CLUSTER_ENABLED: "true" }],
    ["a URL, in another order", { FLEET_BACKEND: "redis+cluster://redis-3,REDIS-2:7002,redis-1:7001" }],
    ["a node twice", { FLEET_BACKEND: "redis+cluster://redis-1:7001,redis-3,redis-1:7001,redis-2:7002" }],
    [
      "nodes in code",
      {},
      { backend: { kind: "cluster", nodes: ["redis-2:7002", { host: "redis-1", port: 7001 }, "redis-3"] } },
    ],
    [
      "Tyk's variables",
      { TYK_GW_STORAGE_ENABLECLUSTER: "true", TYK_GW_STORAGE_ADDRS: "redis-1:7001,redis-3:6379,redis-2:7002" },
    ],
    ["Spring's variables", { SPRING_DATA_REDIS_CLUSTER_NODES: "redis-3:6379,redis-2:7002,redis-1:7001" }],
  ])("%s", (_what, env, options) => {
    expect(from(env, options)).toBe(inCode({ backend: "redis+cluster://redis-1:7001,redis-2:7002,redis-3:6379" }));
  });

  test.each<[what: string, env: Env, options?: FleetConfigOptions]>([
    ["its name", { FLEET_INSTANCE: "web-7" }],
    ["its user and password", { FLEET_USERNAME: "u", FLEET_PASSWORD: "p" }],
    ["TLS", {}, { backend: "rediss://redis-1/0" }],
    ["its time limits", { FLEET_COMMAND_TIMEOUT: "7s", FLEET_CONNECT_TIMEOUT: "1s" }, { maxPending: 7 }],
    ["the address that browsers see", { FLEET_EXTERNAL_URL: "https://shop.example.com" }],
  ])("whatever each has for itself: %s", (_what, env, options) => {
    const backend = "redis://redis-1";
    expect(from(env, { backend, ...options })).toBe(inCode({ backend }));
  });

  test("an IPv6 address in any of its spellings", () => {
    expect(inCode({ backend: "redis://[2001:DB8:0:0::1]:6379" })).toBe(inCode({ backend: "redis://[2001:db8::1]" }));
  });

  test("a room that names the default backend again, or uses it", () => {
    const config = resolve({ FLEET_BACKEND: "redis://redis-1" });
    expect(settings(config, config.backend)).toBe(settings(config));
  });
});

describe("every difference that matters gives another value", () => {
  const usual: FleetConfigOptions = { backend: "redis+sentinel://s1,s2,s3/main/2", namespace: "shop" };
  test.each<[what: string, FleetConfigOptions]>([
    ["another namespace", { namespace: "shop2" }],
    ["another database", { backend: "redis+sentinel://s1,s2,s3/main/3" }],
    ["another primary's name", { backend: "redis+sentinel://s1,s2,s3/other/2" }],
    ["another sentinel", { backend: "redis+sentinel://s1,s2,s4/main/2" }],
    ["one sentinel less", { backend: "redis+sentinel://s1,s2/main/2" }],
    ["another port", { backend: "redis+sentinel://s1,s2,s3:26380/main/2" }],
    ["another kind", { backend: { kind: "cluster", nodes: ["s1:26379", "s2:26379", "s3:26379"] } }],
    ["memory", { backend: "memory" }],
  ])("%s", (_what, other) => {
    expect(inCode({ ...usual, ...other })).not.toBe(inCode(usual));
  });

  test("a socket, by its path", () => {
    const socket = (path: string) => inCode({ backend: { kind: "single", nodes: [{ path }] } });
    expect(socket("/run/redis.sock")).not.toBe(socket("/run/other.sock"));
    expect(socket("/run/redis.sock")).toBe(inCode({ backend: "/run/redis.sock" }));
  });

  test("another backend of a room, of another kind or with another database", () => {
    const config = resolve({ FLEET_BACKEND: "redis://redis-1" });
    const of = (url: string) => settings(config, resolve({ FLEET_BACKEND: url }).backend);
    const values = [
      settings(config),
      ...["redis://redis-2", "redis://redis-1/1", "memory", "redis+cluster://redis-1"].map(of),
    ];
    expect(new Set(values).size).toBe(values.length);
  });

  test("another default backend, though the room's is the same", () => {
    const sessions = resolve({ FLEET_BACKEND: "redis://own" }).backend;
    const [one, two] = ["redis://redis-1", "redis://redis-2"].map((url) =>
      settings(resolve({ FLEET_BACKEND: url }), sessions),
    );
    expect(one).not.toBe(two);
  });

  test("what a room says of itself", () => {
    const config = resolve({ FLEET_BACKEND: "redis://redis-1" });
    const of = (format: number) => settingsFingerprint("fleet", fleetSettings(config, { sessions: { format } }, here));
    expect(of(1)).not.toBe(of(2));
  });

  test("memory: two processes never share it, and one process only by its name", () => {
    const elsewhere = { process: "host 2 0", fleet: "bbbb" };
    const sameProcess = { process: here.process, fleet: "bbbb" };
    const named: FleetConfigOptions = { backend: { memory: "shared" } };
    expect(from({}, { backend: "memory" }, sameProcess)).not.toBe(inCode({ backend: "memory" }));
    expect(from({}, named, sameProcess)).toBe(inCode(named));
    expect(from({}, named, elsewhere)).not.toBe(inCode(named));
    expect(from({}, { backend: { memory: "other" } }, sameProcess)).not.toBe(inCode(named));
  });
});

/** What a backend is, apart from how it is written down. */
interface Meaning {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly nodes: readonly string[];
  readonly database: number;
  readonly name: string;
  readonly namespace: string;
}

const meaning = fc
  .record({
    kind: fc.constantFrom("single", "sentinel", "cluster"),
    nodes: fc.uniqueArray(
      fc.tuple(fc.constantFrom("a", "b", "redis-1", "10.0.0.7", "[::1]"), fc.integer({ min: 1, max: 4 })),
      { minLength: 1, maxLength: 5, selector: String },
    ),
    database: fc.integer({ min: 0, max: 3 }),
    name: fc.constantFrom("main", "other"),
    namespace: fc.constantFrom("fleet", "shop"),
  })
  .map(({ kind, nodes, database, name, namespace }): Meaning => {
    const all = nodes.map(([host, port]) => `${host}:${port}`);
    return {
      kind,
      nodes: kind === "single" ? all.slice(0, 1) : all,
      database: kind === "cluster" ? 0 : database,
      name: kind === "sentinel" ? name : "",
      namespace,
    };
  });

const url = ({ kind, nodes, database, name }: Meaning): string =>
  kind === "single"
    ? `redis://${nodes.join(",")}/${database}`
    : kind === "cluster"
      ? `redis+cluster://${nodes.join(",")}`
      : `redis+sentinel://${nodes.join(",")}/${name}/${database}`;

/** Ways to write the same down. */
const writings: readonly ((meaning: Meaning) => string)[] = [
  (of) => from({ FLEET_BACKEND: url(of), FLEET_NAMESPACE: of.namespace }),
  (of) => from({ REDIS_URL: url(of), REDIS_SCOPE: of.namespace }),
  (of) => inCode({ backend: url({ ...of, nodes: of.nodes.toReversed() }), namespace: of.namespace }),
  ({ kind, nodes, database, name, namespace }) =>
    inCode({
      backend: {
        kind,
        nodes: [...nodes, ...(kind === "single" ? [] : nodes)],
        database,
        ...(kind === "sentinel" ? { sentinel: { name } } : {}),
      },
      namespace,
    }),
];

describe("any configuration", () => {
  test("has one value however it is written, and another one than what means something else", () => {
    const canonical = (of: Meaning): string => JSON.stringify({ ...of, nodes: of.nodes.toSorted() });
    fc.assert(
      fc.property(meaning, meaning, fc.nat(3), fc.nat(3), (one, other, how, otherHow) => {
        const [write, writeOther] = [writings[how], writings[otherHow]] as [(typeof writings)[0], (typeof writings)[0]];
        expect(writeOther(one)).toBe(write(one));
        expect(writeOther(other) === write(one)).toBe(canonical(other) === canonical(one));
      }),
      { seed, numRuns: 500 },
    );
  });

  test("no secret can be found in the text behind the value", () => {
    const password = fc.base64String({ minLength: 8, maxLength: 40 }).filter((text) => !text.startsWith("="));
    const kinds = fc.constantFrom("redis://h", "redis+cluster://h,i", "redis+sentinel://h,i/main");
    fc.assert(
      fc.property(password, password, kinds, (one, two, address) => {
        const config = resolve({ FLEET_BACKEND: address, FLEET_PASSWORD: one, FLEET_SENTINEL_PASSWORD: two });
        const sessions = resolve({
          FLEET_BACKEND: address.replace("//", `//user:${encodeURIComponent(two)}@`),
        }).backend;
        const text = canonicalText(fleetSettings({ ...config, backends: { sessions } }, rooms, here));
        for (const secret of [one, two]) {
          const hash = createHash("sha256").update(secret);
          const forms = [
            secret,
            Buffer.from(secret).toString("base64url"),
            Buffer.from(secret).toString("hex"),
            hash.digest("hex"),
          ];
          for (const form of forms) expect(text).not.toContain(form);
        }
      }),
      { seed },
    );
  });
});
