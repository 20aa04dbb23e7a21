import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChild, type Child } from "../../support/child.js";
import { isRunning } from "./processes.js";

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-fleet-child-"));
  script = join(folder, "script.mjs");
  await writeFile(
    script,
    `const [mode] = process.argv.slice(2);
     console.error("mode " + mode);
     if (mode === "echo") process.on("message", (message) => process.send({ echo: message, name: process.env.NAME }));
     if (mode === "hang") setInterval(() => {}, 1000);
     if (mode === "fail") throw new Error("as asked");
     if (mode === "short") process.send("bye");`,
  );
});

afterAll(() => rm(folder, { recursive: true }));

type Echo = { readonly echo: unknown; readonly name: string };

function isEcho(message: unknown): message is Echo {
  return typeof message === "object" && message !== null && "echo" in message;
}

describe("Child", () => {
  test("exchanges messages, and ends by itself when nothing keeps it", async () => {
    const child: Child = startChild(script, { arguments: ["echo"], environment: { NAME: "three" } });
    await child.send({ question: 1 });
    await expect(child.message(isEcho)).resolves.toEqual({ echo: { question: 1 }, name: "three" });
    await child.send(2);
    await expect(child.message(isEcho, { after: 1 })).resolves.toEqual({ echo: 2, name: "three" });
    child.disconnect();
    await expect(child.exited).resolves.toEqual({ code: 0, signal: null, overdue: false });
    expect(child.stderr).toBe("mode echo\n");
    expect(child.messages).toHaveLength(2);
    await expect(child.send(3)).rejects.toThrow();
  });

  test("says why no message can come any more", async () => {
    const child = startChild(script, { arguments: ["fail"] });
    await expect(child.message(isEcho)).rejects.toThrow(/ended \(code 1, signal null\).*as asked/s);
  });

  test("a message that does not come in time is an error with the child's output", async () => {
    const child = startChild(script, { arguments: ["hang"] });
    await expect(child.message(isEcho, { deadline: 500 })).rejects.toThrow(/waited 500 ms for a message.*mode hang/s);
    await expect(child.kill()).resolves.toMatchObject({ signal: "SIGTERM" });
    expect(isRunning(child.pid)).toBe(false);
  });

  test("a child that only sends ends by itself", async () => {
    const child = startChild(script, { arguments: ["short"] });
    await expect(child.exited).resolves.toMatchObject({ code: 0 });
    expect(child.messages).toEqual(["bye"]);
  });

  test("is killed when its lifetime is over, even when it is frozen", async () => {
    const child = startChild(script, { arguments: ["hang"], lifetime: 200 });
    child.pause();
    await expect(child.exited).resolves.toEqual({ code: null, signal: "SIGKILL", overdue: true });
    expect(child.running).toBe(false);
  });

  test("a program that does not exist ends with its error", async () => {
    const child = startChild(join(folder, "none.mjs"));
    await expect(child.exited).resolves.toMatchObject({ code: 1 });
    expect(child.stderr).toContain("none.mjs");
  });
});
