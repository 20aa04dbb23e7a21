import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { resolveConfig } from "../../../src/config/resolve.js";
import { readSecret } from "../../../src/config/secret.js";

const noFile = () => {
  throw new Error("no file is read here");
};

function refusal(read: () => string): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the secret was read");
}

describe("a secret", () => {
  it("is a value, whatever it looks like", () => {
    expect(readSecret(" a\n", {}, noFile)).toBe(" a\n");
  });

  it("is a variable, read anew", () => {
    const env: Record<string, string> = { NAME: "one" };
    expect(readSecret({ env: "NAME" }, env, noFile)).toBe("one");
    env["NAME"] = "two";
    expect(readSecret({ env: "NAME" }, env, noFile)).toBe("two");
  });

  it.each([
    ["pw\n", "pw"],
    ["pw\r\n", "pw"],
    ["pw\n\n", "pw\n"],
    [" pw ", " pw "],
    ["pw", "pw"],
  ])("is a file without its last line break: %j", (text, secret) => {
    expect(readSecret({ file: "/f" }, {}, () => text)).toBe(secret);
  });

  it("is read anew from its file", () => {
    const texts = ["one\n", "two\n"];
    const read = () => readSecret({ file: "/f" }, {}, () => texts.shift() ?? "");
    expect([read(), read()]).toEqual(["one", "two"]);
  });

  it("that cannot be read is an error with the setting's name and no path", () => {
    const unreadable = refusal(() =>
      readSecret(
        { file: "/hunter2" },
        {},
        () => {
          throw Object.assign(new Error("EACCES: /hunter2"), { code: "EACCES" });
        },
        "FLEET_PASSWORD_FILE",
      ),
    );
    expect(unreadable.code).toBe("ERR_FLEET_CONFIG_FILE");
    expect(unreadable.message).toBe("the file that FLEET_PASSWORD_FILE names cannot be read (EACCES)");
    expect(refusal(() => readSecret({ file: "/f" }, {}, () => "\n")).code).toBe("ERR_FLEET_CONFIG_FILE");
    expect(refusal(() => readSecret({ env: "NAME" }, {}, noFile)).code).toBe("ERR_FLEET_CONFIG_REQUIRED");
    expect(refusal(() => readSecret({ env: "NAME" }, { NAME: "" }, noFile)).code).toBe("ERR_FLEET_CONFIG_REQUIRED");
  });

  it("is looked for in the file system at start", () => {
    const folder = mkdtempSync(join(tmpdir(), "fleet-config-"));
    try {
      const file = join(folder, "password");
      const start = () =>
        resolveConfig({
          options: { backend: { url: "redis://h", password: { file } } },
          env: {},
          hostname: "h",
          pid: 1,
        });
      expect(start).toThrow(ConfigError);
      writeFileSync(file, "pw\n");
      expect(start().backend).toMatchObject({ password: { file } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
