import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { failure, resolve } from "./resolving.js";

const folder = mkdtempSync(join(tmpdir(), "fleet-certificate-"));
const day = 86_400_000;
const made = Date.now();
execFileSync(
  "openssl",
  "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 100 -subj /CN=fleet".split(
    " ",
  ),
  { cwd: folder, stdio: "ignore" },
);
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const files = {
  "cert.pem": read("cert.pem"),
  "key.pem": read("key.pem"),
  "other.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
};
const env = {
  FLEET_BACKEND: "redis://h",
  FLEET_TLS_CERT_FILE: "cert.pem",
  FLEET_TLS_KEY_FILE: "key.pem",
};
const at = (days: number) => ({ files, now: made + days * day });

afterAll(() => rmSync(folder, { recursive: true }));

describe("the certificate of this client", () => {
  it.each([
    [0, undefined],
    [85, undefined],
    [87, /ends within 14 days: \d{4}-/],
    [101, /has ended: \d{4}-/],
  ])("after %d of its 100 days", (days, said) => {
    const notices = resolve(env, {}, at(days)).notices;
    expect(notices.map(({ code }) => code)).toEqual(said === undefined ? [] : ["WARN_FLEET_CERT_EXPIRES"]);
    if (said !== undefined) expect(notices[0]?.message).toMatch(said);
  });

  it("must belong to its key", () => {
    const error = failure({ ...env, FLEET_TLS_KEY_FILE: "other.pem" }, {}, at(0));
    expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_TLS_PAIR"]);
    expect(error.message).toContain("FLEET_TLS_CERT_FILE does not belong to the key of FLEET_TLS_KEY_FILE");
  });
});
