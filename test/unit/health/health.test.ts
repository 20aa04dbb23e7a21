import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { Health, type HealthCheck, type HealthOptions, type HealthSource } from "../../../src/health/index.js";
import { ask, hosts } from "../http/hosts.js";

const passing: HealthCheck = { status: "pass" };
const settings = "q3-8hYt0_aPzXw1c";

function source(name: string, check: HealthCheck | (() => HealthCheck)): HealthSource {
  return { name, check: typeof check === "function" ? check : () => check };
}

function healthOf(sources: readonly HealthSource[], options: Partial<HealthOptions> = {}): Health {
  return new Health({ sources, draining: () => false, settings: () => settings, ...options });
}

describe("Health.ready", () => {
  it.each([
    [["pass", "pass"], "pass"],
    [["pass", "warn"], "warn"],
    [["warn", "fail"], "fail"],
    [["fail", "warn"], "fail"],
    [[], "pass"],
  ] as const)("is the worst of its parts: %j is %s", (statuses, expected) => {
    const sources = statuses.map((status, index) => source(`part-${index}`, { status }));
    expect(healthOf(sources).ready().status).toBe(expected);
  });

  it("counts the failure of a part that is not required as a warning", () => {
    const sources = [source("backend", passing), source("cache", { status: "fail" })];
    expect(healthOf(sources, { required: ["backend"] }).ready()).toMatchObject({
      status: "warn",
      checks: { cache: { status: "fail" } },
    });
    expect(healthOf(sources, { required: ["cache"] }).ready().status).toBe("fail");
    expect(healthOf(sources, { required: [] }).ready().status).toBe("warn");
    expect(healthOf(sources).ready().status).toBe("fail");
  });

  it("fails while the instance is draining, though every part works", () => {
    let draining = false;
    const health = healthOf([source("backend", passing)], { draining: () => draining });
    expect(health.ready()).toMatchObject({ status: "pass", draining: false });
    draining = true;
    expect(health.ready()).toMatchObject({ status: "fail", draining: true, checks: { backend: passing } });
  });

  it("fails when a part throws, without its message", () => {
    const broken = source("backend", () => {
      throw new Error("10.0.0.7");
    });
    expect(healthOf([broken, source("sessions", passing)]).ready()).toEqual({
      status: "fail",
      draining: false,
      settings,
      checks: { backend: { status: "fail" }, sessions: passing },
    });
  });

  it("asks anew each time", () => {
    const statuses = ["fail", "pass"] as const;
    let asked = 0;
    const health = healthOf([source("backend", () => ({ status: statuses[asked++] ?? "pass" }))]);
    expect(health.ready().status).toBe("fail");
    expect(health.ready().status).toBe("pass");
  });
});

describe("Health.ready().settings", () => {
  it("is asked anew each time, since middlewares and secrets come and change later", () => {
    const values = ["first", "second"];
    const health = healthOf([], { settings: () => values.shift() ?? "" });
    expect([health.ready().settings, health.ready().settings]).toEqual(["first", "second"]);
  });
});

describe("Health.live", () => {
  it("passes without asking any part, also while draining", () => {
    const never = source("backend", () => {
      throw new Error("asked");
    });
    let asked = 0;
    const counting = source("counted", () => ({ status: (asked++, "fail") }));
    expect(healthOf([never, counting], { draining: () => true }).live().status).toBe("pass");
    expect(asked).toBe(0);
  });
});

describe("Health", () => {
  it("refuses a required part that does not exist, naming those that do", () => {
    const attempt = (): Health =>
      healthOf([source("backend", passing), source("sessions", passing)], { required: ["redis", "sessions"] });
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "ERR_FLEET_CONFIG_HEALTH",
        message: expect.stringContaining("redis"),
        help: expect.stringContaining("backend, sessions"),
      }),
    );
  });
});

describe.each(hosts)("the health router on %s", (_name, serve) => {
  const detailed = source("backend", { status: "warn", detail: { state: "degraded", primaries: 3, settled: false } });

  it("answers ready with 200 for pass and warn, without details", async () => {
    const target = await serve(healthOf([detailed, source("sessions", passing)]).router());
    const answer = await ask(target, "GET", "/ready");
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ "content-type": "application/health+json", "cache-control": "no-store" });
    expect(answer.headers).not.toHaveProperty("retry-after");
    expect(answer.json()).toEqual({
      status: "warn",
      settings,
      checks: { backend: [{ status: "warn" }], sessions: [{ status: "pass" }] },
    });
  });

  it.each([
    ["/ready?verbose", true],
    ["/ready?verbose=1", true],
    ["/ready?verbose=true&x=1", true],
    ["/ready?verbose=false", false],
    ["/ready?quiet", false],
  ])("answers %s with details: %j", async (path, verbose) => {
    const target = await serve(healthOf([detailed]).router());
    const check = verbose
      ? { status: "warn", observedValue: { state: "degraded", primaries: 3, settled: false } }
      : { status: "warn" };
    expect((await ask(target, "GET", path)).json()).toEqual({ status: "warn", settings, checks: { backend: [check] } });
  });

  it("answers ready with 503 and Retry-After when a part fails", async () => {
    const target = await serve(healthOf([source("backend", { status: "fail" })]).router());
    const answer = await ask(target, "GET", "/ready");
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({
      "retry-after": "1",
      "cache-control": "no-store",
      "content-type": "application/health+json",
    });
    expect(answer.json()).toEqual({ status: "fail", settings, checks: { backend: [{ status: "fail" }] } });
  });

  it("answers ready with 503 while draining, and stays live", async () => {
    const target = await serve(healthOf([source("backend", passing)], { draining: () => true }).router());
    const ready = await ask(target, "GET", "/ready");
    expect(ready.status).toBe(503);
    expect(ready.json()).toEqual({
      status: "fail",
      output: "draining",
      settings,
      checks: { backend: [{ status: "pass" }] },
    });
    const live = await ask(target, "GET", "/live");
    expect(live.status).toBe(200);
    expect(live.json()).toEqual({ status: "pass" });
  });

  it("stays live when the backend is away", async () => {
    const target = await serve(healthOf([source("backend", { status: "fail" })]).router());
    const live = await ask(target, "GET", "/live");
    expect(live.status).toBe(200);
    expect(live.headers).toMatchObject({ "content-type": "application/health+json", "cache-control": "no-store" });
  });

  it("answers HEAD, and refuses to be changed", async () => {
    const target = await serve(healthOf([source("backend", { status: "fail" })]).router());
    const head = await ask(target, "HEAD", "/ready");
    expect([head.status, head.text]).toEqual([503, ""]);
    expect((await ask(target, "POST", "/ready")).status).toBe(405);
  });
});
