import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Chromium } from "../../support/browser/chromium.js";
import { findChromium } from "../../support/browser/find-chromium.js";
import { until } from "../../support/until.js";
import { RunningDemo } from "../processes/running-demo.js";

// One demo and one page for all tests, in this order: each goes on where the one before it has ended.
let demo: RunningDemo;
let page: Chromium;
beforeAll(async () => {
  [demo, page] = await Promise.all([RunningDemo.start("sentinel"), Chromium.start(findChromium() ?? "")]);
  await page.resize(1_280, 900);
  await page.open(demo.page);
});
afterAll(async () => {
  await Promise.all([demo?.stop(), page?.close()]);
});

/** Whatever was pressed before, the users go on. */
beforeEach(async () => {
  const before = await number("ours-told");
  await until(async () => (await number("ours-told")) > before, { what: "the users of ours to go on" });
});

function text(id: string): Promise<string> {
  return page.evaluate(`document.getElementById(${JSON.stringify(id)})?.textContent ?? ""`);
}

async function number(id: string): Promise<number> {
  return Number((await text(id)).replaceAll(",", ""));
}

function button(name: string): string {
  return `[...document.querySelectorAll("button:not([hidden])")].find((each) => each.ariaLabel?.startsWith(${JSON.stringify(name)}))`;
}

function isThere(name: string, and = "true"): () => Promise<boolean> {
  return () => page.evaluate(`{ const found = ${button(name)}; found !== undefined && ${and} }`);
}

const isEnabled = `found.ariaDisabled === "false"`;

async function untilOutcome(expected: RegExp): Promise<void> {
  await until(async () => expected.test(await text("outcome")), { what: `the outcome ${expected}`, deadline: 20_000 });
}

test("an instance is stopped and started again by keyboard, and the focus stays where it was", async () => {
  await until(isThere("Stop: ours-1", isEnabled), { what: "the button" });
  await page.evaluate(`${button("Stop: ours-1")}.focus()`);
  await page.pressKey("Enter");
  await untilOutcome(/^ours-1 was told to end, as in a deploy, and is gone/);
  await until(isThere("Start: ours-1", `${isEnabled} && document.activeElement === found`), {
    what: "the other label",
  });
  await page.pressKey(" ");
  await untilOutcome(/^ours-1 runs again/);
  await until(isThere("Stop: ours-1", isEnabled), { what: "the first label again" });
});

test("an instance is killed, and only then has no kill", async () => {
  expect(await isThere("Kill: usual-2")()).toBe(true);
  await page.evaluate(`${button("Kill: usual-2")}.click()`);
  await untilOutcome(/^usual-2 was killed \(SIGKILL\)/);
  await until(isThere("Start: usual-2"), { what: "a button to start it" });
  expect(await isThere("Kill: usual-2")()).toBe(false);
});

test("the primary is killed: the page tells who took over, and what users noticed", async () => {
  await until(isThere("Kill the primary", isEnabled), { what: "a primary that can be killed" });
  await page.evaluate(`${button("Kill the primary")}.click()`);
  await untilOutcome(/was killed \(SIGKILL\)\. \S+ has taken over, \d+\.\d s after the kill\.$/);
  await until(async () => (await text("summary")) !== "", { what: "the summary for those who do not see the numbers" });
  expect(await text("summary")).toMatch(/^Users noticed: express-fleet 0 failed, longest wait .*; usual \d+ failed/);
  expect(await text("since")).toMatch(/^Users since then \(\d+ s\): express-fleet 0 failed/);
});

test("what cannot be done now says why, and the dead server can be started again", async () => {
  await until(isThere("Kill the primary", `found.ariaDisabled === "true"`), { what: "the new primary" });
  await page.evaluate(`${button("Kill the primary")}.click()`);
  expect(await text("outcome")).toMatch(/^Not now: /);
  await until(isThere("Start again", isEnabled), { what: "a button to start the dead server" });
  await page.evaluate(`${button("Start again")}.click()`);
  await untilOutcome(/was started again\.$/);
});

test("after all that nothing of ours was lost, failed or signed out", async () => {
  expect([await text("ours-lost"), await text("ours-failed"), await text("ours-known")]).toEqual([
    "0",
    "0",
    "12 of 12",
  ]);
});

test("the page fits a phone and a desk, and the browser has nothing to complain of", async () => {
  for (const [width, height] of [
    [390, 844],
    [1_280, 900],
  ] as const) {
    await page.resize(width, height);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
  }
  expect(page.complaints).toEqual([]);
});
