import { afterEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { resolveLogger, type Logger } from "../../../src/core/logger.js";

const methods = ["debug", "info", "warn", "error"] as const;

function captureConsole(): unknown[][] {
  const lines: unknown[][] = [];
  for (const method of ["debug", "info", "log", "warn", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((...args) => void lines.push([method, ...args]));
  }
  return lines;
}

afterEach(() => vi.restoreAllMocks());

describe("resolveLogger without an option", () => {
  it("writes warnings and errors to console.warn, with code and remedy", () => {
    const lines = captureConsole();
    const logger = resolveLogger(undefined);
    logger.warn({ code: "WARN_FLEET_MEMORY", help: "set FLEET_BACKEND" }, "data live in this process only");
    logger.error({}, "closing failed");
    logger.info({ code: "INFO_FLEET_BACKEND" }, "memory");
    logger.debug({}, "detail");
    expect(lines).toEqual([
      ["warn", "express-fleet: WARN_FLEET_MEMORY: data live in this process only (set FLEET_BACKEND)"],
      ["warn", "express-fleet: closing failed"],
    ]);
  });

  it("says each code once, and each message without a code once", () => {
    const lines = captureConsole();
    const logger = resolveLogger(undefined);
    for (let round = 0; round < 3; round += 1) {
      logger.warn({ code: "WARN_FLEET_A" }, `round ${round}`);
      logger.error({ code: "ERR_FLEET_B" }, "b");
      logger.warn({}, "no code");
    }
    expect(lines.map(([, line]) => line)).toEqual([
      "express-fleet: WARN_FLEET_A: round 0",
      "express-fleet: ERR_FLEET_B: b",
      "express-fleet: no code",
    ]);
  });

  it("is bounded when messages turn out not to be constant", () => {
    const lines = captureConsole();
    const logger = resolveLogger(undefined);
    for (let round = 0; round < 5000; round += 1) logger.warn({}, `message ${round}`);
    expect(lines).toHaveLength(1000);
  });
});

describe("resolveLogger with an option", () => {
  it("is silent for false", () => {
    const lines = captureConsole();
    const logger = resolveLogger(false);
    for (const method of methods) logger[method]({ code: "X" }, "message");
    expect(lines).toEqual([]);
  });

  it("hands everything to the user's logger, as a method of it", () => {
    const lines: unknown[] = [];
    class Own {
      readonly #lines = lines;
      debug(fields: object, message: string): void {
        this.#lines.push(["debug", fields, message]);
      }
      info(fields: object, message: string): void {
        this.#lines.push(["info", fields, message]);
      }
      warn(fields: object, message: string): void {
        this.#lines.push(["warn", fields, message]);
      }
      error(fields: object, message: string): void {
        this.#lines.push(["error", fields, message]);
      }
    }
    const logger = resolveLogger(new Own());
    for (const method of methods) logger[method]({ n: 1 }, "same");
    logger.warn({ n: 1 }, "same");
    expect(lines).toEqual([...methods, "warn"].map((method) => [method, { n: 1 }, "same"]));
  });

  it("does not throw when the user's logger does", () => {
    const fail = (): never => {
      throw new Error("disk full");
    };
    const logger = resolveLogger({ debug: fail, info: fail, warn: fail, error: fail });
    for (const method of methods) expect(() => logger[method]({}, "message")).not.toThrow();
  });

  it.each([null, true, {}, { warn: () => {}, error: () => {} }])("refuses %j, naming what is missing", (option) => {
    const attempt = (): Logger => resolveLogger(option as unknown as Logger);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(
      expect.objectContaining({ code: "ERR_FLEET_CONFIG_LOGGER", message: expect.stringContaining("debug, info") }),
    );
  });
});
