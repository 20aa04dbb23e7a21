import { describe, expect, test } from "vitest";
import { DeadlineError, until } from "../../support/until.js";

describe("until", () => {
  test("resolves with the first truthy value", async () => {
    const values = [undefined, 0, "", "found", "later"];
    await expect(until(() => values.shift(), { every: 1, what: "a value" })).resolves.toBe("found");
    expect(values).toEqual(["later"]);
  });

  test("a check that throws counts as not yet", async () => {
    let calls = 0;
    const check = (): Promise<number> => {
      calls += 1;
      return calls < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve(calls);
    };
    await expect(until(check, { every: 1, what: "the third call" })).resolves.toBe(3);
  });

  test("rejects at its deadline with what was awaited and the last value", async () => {
    const failure = await until(() => false, { deadline: 30, every: 5, what: "a miracle" }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(DeadlineError);
    expect((failure as DeadlineError).message).toBe("waited 30 ms for a miracle; the last value was false");
    expect((failure as DeadlineError).last).toBe(false);
  });

  test("rejects at its deadline with the last error as the cause", async () => {
    const cause = new Error("no such server");
    const failure = await until(() => Promise.reject(cause), { deadline: 30, every: 5, what: "a server" }).catch(
      (error: unknown) => error,
    );
    expect((failure as Error).message).toContain("a server; the last check failed: no such server");
    expect((failure as Error).cause).toBe(cause);
  });

  test("leaves a check behind that never answers", async () => {
    const hanging = until(() => new Promise<true>(() => {}), { deadline: 30, every: 5, what: "silence" });
    await expect(hanging).rejects.toThrow("the check has not answered");
  });
});
