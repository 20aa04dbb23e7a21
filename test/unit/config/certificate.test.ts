import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { tlsMaterial } from "../../../src/backend/redis/tls-material.js";
import { certificate, privateKey } from "../backend/self-signed.js";
import { failure, resolve } from "./resolving.js";

const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const files = {
  "cert.pem": certificate,
  "key.pem": privateKey,
  "other.pem": other.export({ type: "pkcs8", format: "pem" }).toString(),
};
const env = { FLEET_BACKEND: "redis://h", FLEET_TLS_CERT_FILE: "cert.pem", FLEET_TLS_KEY_FILE: "key.pem" };
const end = Date.parse("2126-10-27T09:54:41Z");
const before = (days: number) => ({ files, now: end - days * 86_400_000 });

describe("the certificate of this client", () => {
  it.each([
    [100, undefined],
    [15, undefined],
    [13, "FLEET_TLS_CERT_FILE ends within 14 days: 2126-10-27"],
    [-1, "FLEET_TLS_CERT_FILE has ended: 2126-10-27"],
  ])("%d days before its end", (days, said) => {
    const { notices } = resolve(env, {}, before(days));
    expect(notices.map(({ code }) => code)).toEqual(said === undefined ? [] : ["WARN_FLEET_CERT_EXPIRES"]);
    if (said !== undefined) expect(notices[0]?.message).toContain(said);
  });

  it("must belong to its key", () => {
    const error = failure({ ...env, FLEET_TLS_KEY_FILE: "other.pem" }, {}, before(100));
    expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_TLS_PAIR"]);
    expect(error.message).toContain("FLEET_TLS_CERT_FILE does not belong to the key of FLEET_TLS_KEY_FILE");
  });
});

describe("the versions of TLS", () => {
  it("are those that are asked for, else 1.2 and newer", () => {
    expect(tlsMaterial({})).toEqual({ minVersion: "TLSv1.2", rejectUnauthorized: true });
    expect(tlsMaterial({ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" })).toMatchObject({
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
    });
  });
});
