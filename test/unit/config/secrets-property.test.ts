import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { describeStart } from "../../../src/config/describe.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { type Env, failure, resolve, said } from "./resolving.js";

/** The same cases at every run; any other seed must do as well. */
const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);

/** A secret that no message holds by chance; signs that end a URL's or a JSON text's parts are among its letters. */
const secret = fc
  .array(fc.constantFrom(...Array.from("abcXYZ0189!$&*;=~^|<>@:/?#%,{}[]'\\ \"")), { minLength: 4, maxLength: 14 })
  .map((letters) => `Zq7w${letters.join("")}w7qZ`);

const raw = (write: (password: string) => Env) => secret.map((password) => ({ password, env: write(password) }));
/** Without "@", which is what makes of the rest of a password the host of a perfect URL. */
const rawInUrl = (write: (password: string) => Env) =>
  secret.map((letters) => letters.replaceAll("@", "")).map((password) => ({ password, env: write(password) }));

/** Places where a password may stand, rightly or wrongly. */
const places = fc.oneof(
  raw((password) => ({ REDIS_URL: `redis://bob:${encodeURIComponent(password)}@h:1/0` })),
  rawInUrl((password) => ({ REDIS_URL: `redis://:${password}@h:1` })),
  rawInUrl((password) => ({ REDIS_URL: `redis://h:${password}` })),
  rawInUrl((password) => ({ REDIS_URL: `bob:${password}@h:6379` })),
  rawInUrl((password) => ({ REDIS_URL: `redis://h:1?password=${password}` })),
  raw((password) => ({ REDIS_URL: `redis://h:1?password=${encodeURIComponent(password)}&foo=1` })),
  rawInUrl((password) => ({ REDIS_URL: `redis+cluster://u:${password}@h1,h2:x` })),
  rawInUrl((password) => ({ REDIS_URL: `redis+sentinel://u:${password}@h1,h2` })),
  raw((password) => ({
    REDIS_URL: JSON.stringify([
      { host: "h", password },
      { host: "i", password: "another" },
    ]),
  })),
  raw((password) => ({ REDIS_URL: `["redis://u:${password}@h:1","h:2"` })),
  raw((password) => ({ REDIS_URL: `[{host:h,password:${password}},{host:i}]` })),
  raw((password) => ({ REDIS_URL: JSON.stringify({ host: "h", password, db: "x" }) })),
  raw((password) => ({
    REDIS_URL: "redis://h",
    REDIS_OPTIONS: JSON.stringify({
      password,
      username: password,
      tls: { key: password, cert: password },
      colour: password,
    }),
  })),
  raw((password) => ({ REDIS_URL: "redis://h", REDIS_OPTIONS: `{password:${password}, connectTimeout: 20000}` })),
  raw((password) => ({ REDIS_URL: "redis://h", REDIS_OPTIONS: `{"password":"${password}", "connectTimeout": 20000}` })),
  raw((password) => ({ REDIS_OPTIONS: JSON.stringify({ sentinels: ["s"], sentinelPassword: password }) })),
  rawInUrl((password) => ({ FLEET_BACKEND: password })),
  rawInUrl((password) => ({ FLEET_BACKEND: "memory", FLEET_SESSIONS_BACKEND: password })),
  raw((password) => ({
    FLEET_BACKEND: "memory",
    FLEET_SESSIONS_BACKEND: `redis://bob:${encodeURIComponent(password)}@h/x`,
  })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_ADDRESS_MAP: `10.0.0.1:6379=${password}` })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_ADDRESS_MAP: JSON.stringify({ "10.0.0.1:6379": password }) })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_CONNECT_TIMEOUT: password })),
  raw((password) => ({
    REDIS_URL: "redis://h",
    REDIS_OPTIONS: JSON.stringify({ natMap: { [password]: password, "a:1": { host: "h" } } }),
  })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_PASSWORD: password, FLEET_PASWORD: password })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_PASSWORD_FILE: password })),
  raw((password) => ({ FLEET_BACKEND: "redis://h", FLEET_TLS: password, CLUSTER_ENABLED: password })),
  rawInUrl((password) => ({ FLEET_BACKEND: "redis://h", FLEET_EXTERNAL_URL: `https://u:${password}@h` })),
);

/** Breaks one of the texts at a place: drops, doubles or replaces a letter, or cuts the rest off. */
const broken = fc
  .tuple(places, fc.nat(), fc.constantFrom("drop", "cut", '"', ",", "{", "]", " "), fc.boolean())
  .map(([{ password, env }, at, how, breaks]) => {
    if (!breaks) return { password, env };
    const changed = Object.fromEntries(
      Object.entries(env).map(([name, text = ""]) => {
        const place = at % (text.length + 1);
        return [
          name,
          how === "cut"
            ? text.slice(0, place)
            : `${text.slice(0, place)}${how === "drop" ? "" : how}${text.slice(place + 1)}`,
        ];
      }),
    );
    return { password, env: changed };
  });

/** Everything that people see of a configuration. */
function printed(env: Env, options: FleetConfigOptions = {}): string {
  try {
    const config = resolve(env, options);
    return `${said(config)}\n${describeStart(config)}\n${JSON.stringify(config.provenance)}`;
  } catch (error) {
    if (error instanceof ConfigError) return said(error);
    throw error;
  }
}

describe("a secret in any place, in a text broken anywhere", () => {
  it("is in no message, no notice, no help, no stack and not in the line at start", () => {
    fc.assert(
      fc.property(broken, fc.boolean(), ({ password, env }, production) => {
        const text = printed({ ...env, ...(production ? { NODE_ENV: "production" } : {}) });
        expect(text).not.toContain(password);
        // Its ends survive when the middle was broken.
        expect(text).not.toContain("Zq7w");
        expect(text).not.toContain("w7qZ");
      }),
      { numRuns: 3000, seed },
    );
  });

  it("is not in the messages of code either", () => {
    fc.assert(
      fc.property(secret, (password) => {
        const options = {
          backend: { url: `redis://u:${password}@h:x`, password, sentinel: { password }, tls: { key: password } },
        };
        expect(printed({}, options)).not.toContain("Zq7w");
        expect(printed({}, { backend: `redis://u:${password}@h/x` })).not.toContain("Zq7w");
        expect(printed({}, { backend: { url: "redis://h", password: { file: password } } })).not.toContain("Zq7w");
        expect(printed({}, { backend: { url: "redis://h", password: { env: password } } })).not.toContain("Zq7w");
      }),
      { numRuns: 300, seed },
    );
  });

  it("is hidden where an object should stand", () => {
    for (const text of ['{"natMap":"hunter2":1}', "{natMap:hunter2,", '{"redisOptions":hunter2}', '["tls":"hunter2"']) {
      const { message, help } = failure({ REDIS_URL: "redis://h", REDIS_OPTIONS: text });
      expect(`${message} ${help}`).not.toContain("hunter2");
    }
  });

  it("is hidden whole when it is short", () => {
    for (const password of ["q", "Q9", "qzq"]) {
      const env = { REDIS_URL: `redis://:${password}@h:port`, REDIS_OPTIONS: `{password:${password},` };
      const { problems } = failure(env);
      expect(problems.map((problem) => problem.code)).toEqual(["ERR_FLEET_CONFIG_JSON", "ERR_FLEET_CONFIG_PORT"]);
      expect(problems.map((problem) => `${problem.message} ${problem.help}`).join()).not.toMatch(/:"?q|:"?Q9/);
    }
  });
});
