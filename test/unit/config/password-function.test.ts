import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { SecretFunction } from "../../../src/config/backend-config.js";
import { describeStart } from "../../../src/config/describe.js";
import { Report } from "../../../src/config/problems.js";
import { Settings } from "../../../src/config/settings.js";
import { failure, redis, resolve } from "./resolving.js";

const never: SecretFunction = () => {
  throw new Error("called while the configuration was read");
};

describe("a password from a function", () => {
  it("is taken as it is and not called", () => {
    const sentinel = { name: "m", username: "s", password: never };
    const backend = { url: "redis+sentinel://s1", username: "u", password: never, sentinel };
    expect(redis({}, { backend })).toMatchObject({ username: "u", password: never, sentinel });
    const nodes = { kind: "cluster", nodes: ["a"], password: never } as const;
    expect(redis({ FLEET_PASSWORD: "other" }, { backend: nodes }).password).toBe(never);
  });

  it("is in no text that people see", () => {
    const password: SecretFunction = () => "hunter2";
    const config = resolve({}, { backend: { url: "redis://h", password } });
    expect(describeStart(config)).toMatch(/redis:\/\/\*\*\*@h:6379\/0 .* password \(code: backend\.password\)$/);
    expect(inspect([config.provenance, config.notices], { depth: 9 })).not.toContain("hunter2");
    expect(inspect(config, { depth: 9 })).not.toContain("hunter2");
    const error = failure({}, { backend: { url: "redis://h:x", password } });
    expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  });

  it("is not the same as another function, nor as a text", () => {
    const problems = (first: SecretFunction | string, second: SecretFunction | string): number => {
      const [settings, report] = [new Settings(), new Report()];
      settings.claim("backend.password", first, { origin: "code", name: "one" }, report);
      settings.claim("backend.password", second, { origin: "code", name: "two" }, report);
      return report.problems.length;
    };
    expect(problems(never, never)).toBe(0);
    expect(problems(never, () => "x")).toBe(1);
    expect(problems(never, "x")).toBe(1);
    expect(problems("x", never)).toBe(1);
    expect(problems("x", "x")).toBe(0);
  });
});
