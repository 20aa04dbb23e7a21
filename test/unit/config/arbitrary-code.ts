import fc from "fast-check";
import { Cluster, Redis } from "ioredis";
import { fromIoredis, type IoredisClient } from "../../../src/config/from-ioredis.js";
import { ioredisOptions } from "../../../src/config/ioredis-options.js";

/** Letters that end parts of the formats are among a secret's; its two marks are not in any message by chance. */
export const arbitrarySecret = (mark: string): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...Array.from("abcXYZ0189!$&*;=~^|<>:/?#%,{}[]'\\ \"")), { minLength: 0, maxLength: 12 })
    .map((letters) => `${mark}7w${letters.join("")}w7${mark}`);

/** How often a function that gives a password was called; reading a configuration never does. */
export const calls = { password: 0 };

const endless: unknown[] = [];
endless.push(endless);
const odd = fc.constantFrom<unknown>(
  undefined,
  null,
  true,
  false,
  "",
  " ",
  "perhaps",
  0,
  1,
  6379,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1n,
  Symbol("odd"),
  () => 1,
  [],
  endless,
  {},
  { toString: 1 },
  Object.create(null),
  new Map(),
  Buffer.from("x"),
);
/** What people see anyway, in keys and in the line at start, is no place for a secret. */
const shown = new Set(["keyPrefix", "name", "host", "path"]);
const withoutSecret = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, shown.has(name) && typeof value === "string" ? "m" : value]),
  );

/** Mostly what is right, so that many configurations are accepted. */
const either = (right: fc.Arbitrary<unknown>, wrong: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: right, weight: 12 }, { arbitrary: wrong, weight: 1 });
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => either(right, odd);
const some = (...values: readonly unknown[]): fc.Arbitrary<unknown> => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: value, weight: 1 });

const password = (secret: string): fc.Arbitrary<unknown> => {
  const give = (): string => {
    calls.password++;
    return secret;
  };
  return mostly(
    either(some(secret, give, { file: "/secret" }), some({ env: "SECRET" }, { file: secret }, { env: secret })),
  );
};

/** An address map, rightly or wrongly written. */
const addressMap = (secret: string): fc.Arbitrary<unknown> => {
  const place = some("a:1", "10.0.0.1:6379", "[::1]:7", "[0::2]:7") as fc.Arbitrary<string>;
  const wrong = some("::1:7", "h", "10.0.0.1", "h:0", "h:x", "", ":1", secret) as fc.Arbitrary<string>;
  const from = either(place, wrong) as fc.Arbitrary<string>;
  const to = either(
    fc.oneof(place, some({ host: "h", port: 1 })),
    some({ host: "h" }, { host: secret }, { port: {} }, secret),
  );
  const text = fc.array(fc.tuple(from, from), { minLength: 1, maxLength: 3 });
  return mostly(
    either(
      fc.oneof(
        fc.dictionary(from, to, { maxKeys: 3 }),
        text.map((pairs) => pairs.map((pair) => pair.join("=")).join(",")),
        fc.constant(() => undefined),
      ),
      some(secret, `a:1=${secret}`, `{"a:1":"${secret}"`),
    ),
  );
};

const tls = (secret: string): fc.Arbitrary<unknown> =>
  mostly(
    either(
      some(true, {}, { servername: "s" }, { ca: secret }, { key: secret, cert: secret }, { minVersion: "TLSv1.3" }),
      some(
        secret,
        { rejectUnauthorized: secret },
        { ca: [Buffer.from("-----BEGIN X"), "x"], checkServerIdentity: () => undefined },
        { servername: endless, ciphers: endless },
      ),
    ),
  );

const address = (secret: string): fc.Arbitrary<string> =>
  fc
    .constantFrom("redis://h", "redis://h:1/2", "rediss://u:p@h", "redis+sentinel://s,t/m", "redis+cluster://a,b:1")
    .chain((url) =>
      either(some(url, url.replace("://", `://u:${encodeURIComponent(secret)}@`)), some(`${url}?db=1`, `${url}:x`)),
    ) as fc.Arbitrary<string>;

const redisDefaults = new Redis({ lazyConnect: true }).options;
const clusterDefaults = new Cluster([], { lazyConnect: true }).options;

/** The options of a client of ioredis, as a real one has them, with some of them changed. */
const client = (secret: string): fc.Arbitrary<unknown> => {
  const rightly = fc.record({
    password: maybe(some(secret)),
    commandTimeout: maybe(some(2000)),
    keyPrefix: maybe(some("app:")),
    natMap: maybe(some({ "a:1": { host: "h", port: 1 } }, () => null)),
    retryStrategy: maybe(some(() => 1)),
  });
  const value = fc.oneof(
    odd,
    some(secret, () => 1, 20_000, "master", { password: secret }, { db: 1 }, [{ host: "s" }]),
  );
  const wrongly = fc.dictionary(fc.constantFrom(...Object.keys(ioredisOptions), "colour", secret), value, {
    maxKeys: 3,
  });
  const options = either(rightly, wrongly) as fc.Arbitrary<Record<string, unknown>>;
  const node = mostly(
    some("a:1", 7000, { host: "c" }, `redis://:${encodeURIComponent(secret)}@b`, { host: "d", tls: {} }),
  );
  const nodes = fc.option(fc.array(node, { minLength: 1, maxLength: 2 }), { nil: undefined });
  return fc.tuple(options, nodes, fc.nat(19)).map(([changed, startupNodes, kind]) => {
    const base = startupNodes === undefined ? redisDefaults : clusterDefaults;
    const given = Object.entries(withoutSecret(changed)).filter(([, one]) => one !== undefined);
    const shaped: IoredisClient = Object.assign(Object.create({ duplicate: () => undefined }) as object, {
      status: "wait",
      isCluster: startupNodes !== undefined,
      options: { ...base, ...Object.fromEntries(given) },
      ...(startupNodes === undefined ? {} : { startupNodes }),
    });
    if (kind === 0) return shaped;
    return kind === 1 ? { ...fromIoredis(shaped), password: secret } : fromIoredis(shaped);
  });
};

/** A backend in code, in any of its forms. */
const backend = (secret: string): fc.Arbitrary<unknown> => {
  const connection = fc.record({
    username: maybe(mostly(some("u", secret))),
    password: maybe(password(secret)),
    database: maybe(either(some(0), some(1, "2", -1))),
    tls: maybe(tls(secret)),
    addressMap: maybe(addressMap(secret)),
  });
  const sentinel = mostly(fc.record({ name: some("m"), password: password(secret) }));
  const byNodes = fc
    .tuple(fc.constantFrom("single", "sentinel", "cluster"), connection, sentinel)
    .map(([kind, rest, name]) => ({
      kind,
      nodes: kind === "single" ? ["a:1"] : ["a:1", { host: "b", port: 2 }],
      ...rest,
      ...(kind === "sentinel" ? { sentinel: name } : {}),
    }));
  return mostly(
    either(
      fc.oneof(
        address(secret),
        some("memory", { memory: "demo" }),
        fc.tuple(address(secret), connection).map(([url, rest]) => ({ url, ...rest })),
        byNodes,
        client(secret),
      ),
      fc.oneof(
        connection,
        some(secret, { memory: "demo", password: secret }, { kind: secret, nodes: [secret, endless] }),
      ),
    ),
  );
};

const redisOptions = (secret: string): fc.Arbitrary<string> =>
  fc
    .dictionary(
      fc.constantFrom("natMap", "password", "username", "db", "tls", "sentinels", "name", "redisOptions", "keyPrefix"),
      some(secret, "m", 1, {}, { "a:1": { host: "h", port: 1 } }, { "::1:1": secret }, [{ host: "s" }]),
      { maxKeys: 3 },
    )
    .map((options) => JSON.stringify(withoutSecret(options)));

const variables = (secret: string, roomSecret: string): fc.Arbitrary<Record<string, string | undefined>> => {
  const text = (right: fc.Arbitrary<unknown>, ...wrong: string[]): fc.Arbitrary<string | undefined> =>
    maybe(either(right, some(...wrong)) as fc.Arbitrary<string>);
  return fc.record({
    FLEET_BACKEND: text(fc.oneof(address(secret), some("memory")), secret, "["),
    FLEET_SESSIONS_BACKEND: text(fc.oneof(address(roomSecret), some("memory", '["a:1"]')), roomSecret, "["),
    FLEET_LOCKS_BACKEND: text(some(""), "memory"),
    FLEET_ADDRESS_MAP: text(some("a:1=b:2", '{"a:1":"b:2"}'), `a:1=${secret}`, secret, `{"${secret}":1}`, "{"),
    FLEET_PASSWORD: maybe(fc.constant(secret)),
    FLEET_TLS_CA_FILE: text(some("/secret"), "/missing", secret),
    REDIS_URL: text(address(secret), secret),
    REDIS_OPTIONS: maybe(redisOptions(secret)),
    NODE_ENV: maybe(fc.constant("production")),
    SECRET: maybe(fc.constant(secret)),
  });
};

/** A configuration in code and variables, with one secret for the default backend and another for that of a room. */
export interface RandomConfiguration {
  readonly secrets: readonly [string, string];
  readonly env: Record<string, string | undefined>;
  readonly options: Record<string, unknown>;
}

export const arbitraryConfiguration: fc.Arbitrary<RandomConfiguration> = fc
  .tuple(arbitrarySecret("Zq"), arbitrarySecret("Rj"))
  .chain(([secret, roomSecret]) =>
    fc
      .tuple(
        variables(secret, roomSecret),
        fc.record({
          backend: fc.oneof(fc.constant(undefined), backend(secret)),
          backends: fc.oneof(fc.constant(undefined), mostly(fc.record({ sessions: backend(roomSecret) }))),
          timeouts: maybe(either(some({ connect: 5 }, { command: "8s" }), some({ start: secret }, secret))),
          maxPending: maybe(mostly(some(5))),
          allowInsecureTls: maybe(mostly(some(true))),
        }),
      )
      .map(([env, options]) => ({ secrets: [secret, roomSecret], env, options })),
  );
