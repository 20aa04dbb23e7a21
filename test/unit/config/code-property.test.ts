import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BackendConfig, FleetConfig } from "../../../src/config/backend-config.js";
import { describeStart } from "../../../src/config/describe.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { ConfigError } from "../../../src/core/errors.js";
import { arbitraryConfiguration, calls, type RandomConfiguration } from "./arbitrary-code.js";
import { resolve, said } from "./resolving.js";

/** The same cases at every run; any other seed must do as well. */
const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);
const files = { "/secret": "from a file" };

/** The configuration, or the error that it ends with; whatever else is thrown fails the test. */
function outcome({ env, options }: RandomConfiguration): FleetConfig | ConfigError {
  try {
    return resolve(env, options as FleetConfigOptions, { files });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** Everything that people see of it. */
function printed(one: FleetConfig | ConfigError): string {
  if (one instanceof ConfigError) return `${said(one)}\n${inspect(one, { depth: 9, showHidden: true })}`;
  return `${said(one)}\n${describeStart(one)}\n${inspect([one.provenance, one.notices], { depth: 9 })}`;
}

function expectUsable(backend: BackendConfig): void {
  if (backend.kind === "memory") return;
  expect(backend.nodes.length).toBeGreaterThan(0);
  for (const { host, port } of backend.nodes) {
    expect(host).not.toBe("");
    expect(port > 0 && port < 65_536).toBe(true);
  }
  expect(backend.kind === "sentinel").toBe(backend.sentinel !== undefined);
  expect(backend.kind === "cluster" ? backend.database : 0).toBe(0);
  for (const timeout of Object.values(backend.timeouts)) expect(timeout).toBeGreaterThan(0);
  const { addressMap } = backend;
  if (typeof addressMap === "object")
    for (const key of Object.keys(addressMap)) expect(key).toMatch(/^(?:[^:]+|\[[^\]]+\]):\d+$/);
}

describe("10,000 random configurations in code, with clients, functions, address maps and rooms", () => {
  it(
    "end with a configuration or a ConfigError, show no secret and send none to another server",
    { timeout: 180_000 },
    () => {
      const outcomes = { accepted: 0, refused: 0, rooms: 0, clients: 0, maps: 0 };
      fc.assert(
        fc.property(arbitraryConfiguration, (random) => {
          const one = outcome(random);
          const text = printed(one);
          expect(text).not.toMatch(/Zq7w|w7Zq|Rj7w|w7Rj/);
          if (one instanceof ConfigError) {
            outcomes.refused++;
            expect(one.problems.length).toBeGreaterThan(0);
            for (const { code, message } of one.problems) {
              expect(code).toMatch(/^ERR_FLEET_[A-Z_]+$/);
              expect(message).not.toBe("");
            }
            return;
          }
          outcomes.accepted++;
          const rooms = Object.values(one.backends ?? {});
          for (const backend of [one.backend, ...rooms]) expectUsable(backend);
          const [secret, roomSecret] = random.secrets;
          expect(inspect(one.backend, { depth: 9 })).not.toContain(JSON.stringify(roomSecret).slice(1, -1));
          expect(inspect(rooms, { depth: 9 })).not.toContain(JSON.stringify(secret).slice(1, -1));
          if (rooms.length > 0) outcomes.rooms++;
          if (Object.values(one.provenance).some(({ name }) => name.includes(".options."))) outcomes.clients++;
          if (one.backend.kind !== "memory" && one.backend.addressMap !== undefined) outcomes.maps++;
        }),
        { numRuns: 10_000, seed },
      );
      expect(calls.password).toBe(0);
      // Every way is taken often enough for the count to mean something.
      for (const [way, count] of Object.entries(outcomes)) expect([way, count > 100]).toEqual([way, true]);
    },
  );
});
