import { describe, expect, it } from "vitest";
import { Report } from "../../../src/config/problems.js";
import { readProperties } from "../../../src/config/properties.js";

const read = (text: string) => Object.fromEntries(readProperties(text, "f.properties", new Report())?.properties ?? []);

describe("the rules of Java's .properties", () => {
  it.each<[string, Record<string, string>]>([
    ["a=1\nb:2\nc 3\nd\t=\t4\ne = 5 ", { a: "1", b: "2", c: "3", d: "4", e: "5 " }],
    ["# no\n  ! no\n\n \na=1 # part of it", { a: "1 # part of it" }],
    ["a=b=c:d", { a: "b=c:d" }],
    ["a==b\nb= :c", { a: "=b", b: ":c" }],
    ["a\nb=", { a: "", b: "" }],
    ["list=x,\\\n   y,\\\r\n\tz", { list: "x,y,z" }],
    ["a=1\\\\\nb=2", { a: "1\\", b: "2" }],
    ["a=1\\", { a: "1" }],
    ["a\\ b\\=c\\:d=1", { "a b=c:d": "1" }],
    ["a=\\t\\n\\r\\f\\u00e9\\q\\\\u0041", { a: "\t\n\r\fé" + "q\\u0041" }],
    ["a=1\na=2", { a: "2" }],
    ["# a comment is not continued \\\na=1", { a: "1" }],
    ["__proto__=1\nconstructor=2", { ["__proto__"]: "1", constructor: "2" }],
  ])("%j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it("refuses a broken escape with its line, and does not show it", () => {
    const report = new Report();
    expect(readProperties("a=1\n\npassword=hunter2\\u00g1", "f.properties", report)).toBeUndefined();
    expect(report.problems).toHaveLength(1);
    expect(report.problems[0]).toMatchObject({ code: "ERR_FLEET_CONFIG_PROPERTIES" });
    expect(report.problems[0]?.message).toMatch(/^f\.properties, line 3: /);
    expect(report.problems[0]?.message).not.toContain("hunter2");
  });
});
