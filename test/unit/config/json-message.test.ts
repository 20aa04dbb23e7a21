import { describe, expect, it } from "vitest";
import { failure } from "./resolving.js";

const message = (env: Record<string, string>) => {
  const { problems } = failure({ REDIS_URL: "redis://h", ...env });
  expect(problems.map((problem) => problem.code)).toEqual(["ERR_FLEET_CONFIG_JSON"]);
  return problems[0]?.message ?? "";
};

describe("what is said of broken JSON", () => {
  it("has line, column, a caret, what was expected and the line to write", () => {
    expect(message({ REDIS_URL: '[{"host":"a","port":7004} {"host":"b"}]' })).toBe(
      [
        'REDIS_URL is not valid JSON at line 1, column 27: expected "," or "]"',
        '  [{"host":"a","port":7004} {"host":"b"}]',
        "                            ^",
        `write: REDIS_URL='[{"host":"a","port":7004},{"host":"b"}]'`,
      ].join("\n"),
    );
  });

  it("counts lines and shows the faulty one alone", () => {
    expect(message({ REDIS_OPTIONS: '{\n  "db": 1,\n  "connectTimeout": 20 s\n}' }).split("\n").slice(0, 3)).toEqual([
      'REDIS_OPTIONS is not valid JSON at line 3, column 24: expected "," or "}"',
      '    "connectTimeout": 20 ***',
      "                         ^",
    ]);
  });

  it("shortens a long line around the caret", () => {
    const text = `[${Array.from({ length: 30 }, (_, index) => `{"host":"host-${index}","port":7000}`).join(",")},{"host":"x" "port":1}]`;
    const [, line = "", caret = ""] = message({ REDIS_URL: text }).split("\n");
    expect(line.length).toBeLessThan(80);
    expect(line.slice(caret.indexOf("^"))).toMatch(/^"port":1}\]$/);
  });

  it("says that a shell ate the quotes, and prints the exact line to use", () => {
    const text = message({ REDIS_URL: "[{host:localhost,port:7004}]" });
    expect(text).toContain("its double quotes were eaten by a shell");
    expect(text).toContain(`write: REDIS_URL='[{"host":"localhost","port":7004}]'`);
  });

  it("says so of options too, and masks the password", () => {
    const text = message({ REDIS_OPTIONS: "{password:admin123, connectTimeout: 20000}" });
    expect(text).toContain("its double quotes were eaten by a shell");
    expect(text).toContain(`write: REDIS_OPTIONS='{"password":"***","connectTimeout":20000}'`);
    expect(text).toContain("  {password:***, connectTimeout: 20000}\n   ^");
    expect(text).not.toContain("admin123");
  });

  it("says that the shell also cut the rest off", () => {
    const text = message({ REDIS_OPTIONS: "{password:admin123," });
    expect(text).toContain("the shell cut it at the first space");
    expect(text).toContain(`write: REDIS_OPTIONS='{"password":"***"}'`);
    expect(text).not.toContain("admin123");
  });

  it("says that the shell expanded the braces, where nothing is left to repair", () => {
    for (const env of [
      { REDIS_URL: "[host:localhost,host:localhost]" },
      { REDIS_URL: "[port:7004,port:7001]" },
      { REDIS_OPTIONS: "password:admin123" },
    ]) {
      const text = message(env as unknown as Record<string, string>);
      expect(text).toContain("expanded the braces");
      expect(text).toContain("write: REDIS_");
      expect(text).not.toContain("admin123");
    }
  });

  it.each([
    ["single quotes", "{'db':1,'connectTimeout':20000}", '{"db":1,"connectTimeout":20000}'],
    ["a trailing comma", '{"db":1,}', '{"db":1}'],
    ["a missing comma", '{"db":1 "connectTimeout":5}', '{"db":1,"connectTimeout":5}'],
    ["a missing end", '{"tls":{"servername":"redis"', '{"tls":{"servername":"redis"}}'],
    [
      "nested braces",
      "{sentinels:[{host:s1,port:26379},{host:s2}],name:mymaster}",
      '{"sentinels":[{"host":"s1","port":26379},{"host":"s2"}],"name":"mymaster"}',
    ],
    ["words that are not names of options", "{hunter2:1,db:2}", '{"***":"***","db":2}'],
    ["nothing to go by", '{"db":1}}', '{"password":"***","connectTimeout":20000}'],
  ])("corrects %s", (_, broken, corrected) => {
    expect(message({ REDIS_OPTIONS: broken })).toContain(`write: REDIS_OPTIONS='${corrected}'`);
  });

  it("corrects a list of plain addresses, but shows none when there may be credentials", () => {
    expect(message({ REDIS_URL: "[h1:7000,h2:7001]" })).toContain(`REDIS_URL='["h1:7000","h2:7001"]'`);
    expect(message({ REDIS_URL: "[redis://u:hunter2@h1:7000,h2:7001]" })).not.toMatch(/hunter2/);
  });

  it.each([
    '{"port":6379 "password" "hunter2"}',
    '{"host":"a" hunter2 "port":1}',
    '{"password":"hun,port,hunter2"',
    '{"password":"x",hunter2:1}',
    '{password "hunter2", "db":2}',
    "[password:hunter2]",
    '["h:1",password:7777777]',
    "[h:1,pw:hunter2]",
    '[{"host":"redis://x:hunter2:1" "port":1}]',
    "[//x:hunter2]",
    '{"tls":{"key":"hunter2 hunter2","passphrase":"hunter2"} "db":1}',
    '{"sentinelPassword":"hunter2"; "db":1}',
    "{hunter2}",
    "{'name':'mymaster','password':'hunter2'}",
  ])("shows no secret of %s", (text) => {
    expect(message({ REDIS_URL: "redis://h", REDIS_OPTIONS: text })).not.toMatch(/hunter2|7777777/);
    if (text.startsWith("[")) expect(message({ REDIS_URL: text })).not.toMatch(/hunter2|7777777/);
  });

  it("gives the JSON alone where the text stood in code", () => {
    const { message: text } = failure({}, { backend: "[{host:localhost,port:7004}]" });
    expect(text).toContain(`write: [{"host":"localhost","port":7004}]`);
  });

  it("never falls back: not to a URL, not to localhost, not to memory", () => {
    for (const broken of ["{", "[", "[redis://h]", "{redis://h", '{"host":"h"', "[{]}", '["h:1",]']) {
      expect(() => message({ REDIS_URL: broken })).not.toThrow();
      expect(failure({ REDIS_URL: broken, CLUSTER_ENABLED: "true" }).code).toBe("ERR_FLEET_CONFIG_JSON");
      expect(failure({ REDIS_OPTIONS: broken }).code).toBe("ERR_FLEET_CONFIG_JSON");
    }
  });

  it("refuses JSON of the wrong kind", () => {
    for (const text of ["[]", "1", "null", '"x"']) {
      expect(failure({ REDIS_URL: "redis://h", REDIS_OPTIONS: text }).code).toBe("ERR_FLEET_CONFIG_TYPE");
    }
  });
});
