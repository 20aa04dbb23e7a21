import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { KeySpace } from "../../../src/backend/keys.js";
import { addressOf, generateId, sessionKey } from "../../../src/sessions/identifier.js";
import * as scripts from "../../../src/sessions/lua/scripts.generated.js";

test("docs/keyspace.md tells the room's key and every script that writes it", async () => {
  const text = await readFile(new URL("../../../docs/keyspace.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `<namespace>:sessions:"));
  expect(rows).toHaveLength(1);
  const [form = "", , , , , named = ""] = (rows[0] as string).replace(/^\| /, "").split(" | ");
  const { selector } = addressOf(generateId());
  const documented = form.replaceAll("`", "").replace("<namespace>", "app").replace("<selector>", selector);
  const made = sessionKey(new KeySpace("app"), selector);
  expect(made).toMatch(new RegExp(`^${documented.replace("{<bucket>}", "\\{\\d{1,4}\\}")}$`));
  for (const script of Object.values(scripts)) {
    expect(script.keys).toEqual(["session"]);
    expect(named).toContain(`\`${script.name.replace("sessions/", "")}\``);
  }
});
