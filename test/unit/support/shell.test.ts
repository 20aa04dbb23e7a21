import { describe, expect, onTestFinished, test } from "vitest";
import { Shell } from "../../support/shell.js";

function run(commands: string, environment?: Readonly<Record<string, string>>): Shell {
  const shell = new Shell(commands, environment);
  onTestFinished(() => shell.stop());
  return shell;
}

describe("Shell", () => {
  test("runs the lines with the given environment and nothing of ours but the PATH", async () => {
    const shell = run('echo "$GIVEN|$HOME"\necho oops >&2\nexit 3', { GIVEN: "yes" });
    expect([await shell.exited, shell.stdout, shell.stderr]).toEqual([3, "yes|\n", "oops\n"]);
  });

  test("waits for what is printed, and tells the errors of one that ended without", async () => {
    expect(await run("sleep 0.05; echo http://a:1; sleep 60").printed(/http:\S+/)).toBe("http://a:1");
    await expect(run("echo why >&2; exit 4").printed(/http/)).rejects.toThrow(/code 4.*why/s);
    await expect(run("echo why >&2; sleep 60").printed(/http/, 300)).rejects.toThrow(/waited 300 ms.*why/s);
  });

  test("stop ends what the shell has started: it resolves when nobody holds the output any more", async () => {
    const shell = run("sleep 60 & echo started; wait");
    await shell.printed(/started/);
    await shell.stop();
    expect(await shell.exited).toBe(null);
    await shell.stop();
  });
});
