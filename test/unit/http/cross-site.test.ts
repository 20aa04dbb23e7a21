import { describe, expect, it } from "vitest";
import { isCrossSite, refuseCrossSite } from "../../../src/http/cross-site.js";
import { createRouter } from "../../../src/http/router.js";
import { sendJson } from "../../../src/http/json.js";
import { ask, fakeRequest, hosts } from "./hosts.js";

const allowed = { allowedOrigins: ["https://app.example.com"] };

describe("isCrossSite", () => {
  it.each([
    ["same-origin", false],
    ["none", false],
    ["cross-site", true],
    ["same-site", true],
    ["something-new", true],
  ])("Sec-Fetch-Site %s decides, whatever Origin says: %j", (site, expected) => {
    const own = { host: "example.com", origin: "https://example.com", "sec-fetch-site": site };
    expect(isCrossSite(fakeRequest(own))).toBe(expected);
    expect(isCrossSite(fakeRequest({ ...own, origin: "https://evil.example" }))).toBe(expected);
  });

  it.each([
    ["https://example.com", "example.com", false],
    ["http://example.com", "example.com", false],
    ["https://example.com", "example.com:443", false],
    ["https://example.com", "EXAMPLE.com", false],
    ["http://localhost:3000", "localhost:3000", false],
    ["http://[::1]:3000", "[::1]:3000", false],
    ["http://localhost:3000", "localhost:4000", true],
    ["https://example.com", "example.com:80", true],
    ["https://evil.example", "example.com", true],
    ["https://example.com.evil.example", "example.com", true],
    ["https://sub.example.com", "example.com", true],
    ["null", "example.com", true],
    ["file://", "", true],
    ["not an origin", "example.com", true],
    ["https://example.com", undefined, true],
  ])("without it Origin %s against Host %s: %j", (origin, host, expected) => {
    expect(isCrossSite(fakeRequest(host === undefined ? { origin } : { origin, host }))).toBe(expected);
  });

  it("lets requests pass that no browser's page sends", () => {
    expect(isCrossSite(fakeRequest({ host: "example.com" }))).toBe(false);
  });

  it.each(["GET", "HEAD", "OPTIONS"])("lets %s pass, which changes nothing", (method) => {
    expect(isCrossSite(fakeRequest({ "sec-fetch-site": "cross-site" }, method))).toBe(false);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])("refuses %s", (method) => {
    expect(isCrossSite(fakeRequest({ "sec-fetch-site": "cross-site" }, method))).toBe(true);
  });

  it("lets the allowed origins pass, and no others", () => {
    const from = (origin: string): boolean =>
      isCrossSite(fakeRequest({ host: "10.0.0.7:3000", origin, "sec-fetch-site": "same-site" }), allowed);
    expect(from("https://app.example.com")).toBe(false);
    expect(from("https://app.example.com.evil.example")).toBe(true);
    expect(from("http://app.example.com")).toBe(true);
    expect(isCrossSite(fakeRequest({ host: "10.0.0.7:3000", origin: "https://app.example.com" }), allowed)).toBe(false);
  });
});

describe("refuseCrossSite", () => {
  it.each(hosts)("answers 403 with a problem on %s, before the handler runs", async (_name, serve) => {
    let changed = 0;
    const handler = createRouter([
      {
        method: "POST",
        path: "/change",
        handlers: [refuseCrossSite(), (_req, res) => (changed++, sendJson(res, 200, {}))],
      },
    ]);
    const target = await serve(handler);
    const refused = await ask(target, "POST", "/change", { "Sec-Fetch-Site": "cross-site" });
    expect(refused.status).toBe(403);
    expect(refused.json()).toMatchObject({ code: "ERR_FLEET_CROSS_SITE", status: 403 });
    expect(changed).toBe(0);
    expect((await ask(target, "POST", "/change", { Origin: `http://127.0.0.1:${target.port}` })).status).toBe(200);
    expect(changed).toBe(1);
  });

  it.each([
    ["https://app.example.com/", 'write "https://app.example.com"'],
    ["https://APP.example.com:443", 'write "https://app.example.com"'],
    ["app.example.com", "an origin is written"],
    ["*", "an origin is written"],
    ["null", "an origin is written"],
  ])("refuses the allowed origin %s at once", (origin, remedy) => {
    expect(() => refuseCrossSite({ allowedOrigins: [origin] })).toThrow(TypeError);
    expect(() => refuseCrossSite({ allowedOrigins: [origin] })).toThrow(remedy);
  });
});
