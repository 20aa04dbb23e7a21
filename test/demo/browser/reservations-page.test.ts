import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Chromium } from "../../support/browser/chromium.js";
import { findChromium } from "../../support/browser/find-chromium.js";
import { startChild } from "../../support/child.js";
import { startSingle } from "../../support/servers/single.js";
import { connectionString } from "../../support/servers/topology.js";
import { until } from "../../support/until.js";

const example = fileURLToPath(new URL("../../../build/examples/reservations.js", import.meta.url));

/** The page of `examples/reservations.ts` at an instance of its own, with a user who signs in. */
class User {
  readonly #page: Chromium;

  private constructor(page: Chromium) {
    this.#page = page;
  }

  static async signIn(backend: string, name: string): Promise<User> {
    const instance = startChild(example, { environment: { PORT: "0", FLEET_BACKEND: backend }, lifetime: 80_000 });
    onTestFinished(async () => void (await instance.stop()));
    const origin = await until(() => /http:\S+/.exec(instance.stdout)?.[0], { what: "the instance to listen" });
    const page = await Chromium.start(findChromium() ?? "");
    onTestFinished(() => page.close());
    await page.open(origin);
    const runs = `typeof document.getElementById("enter")?.onclick === "function"`;
    await until(() => page.evaluate<boolean>(runs), { what: "the page to run" });
    await page.evaluate(`document.getElementById("name").value = ${JSON.stringify(name)}`);
    const user = new User(page);
    await user.press("enter");
    return user;
  }

  async press(button: string): Promise<void> {
    await this.#page.evaluate(`document.getElementById(${JSON.stringify(button)}).click()`);
  }

  async write(text: string): Promise<void> {
    await this.#page.evaluate(`document.getElementById("text").value = ${JSON.stringify(text)}`);
    await this.press("save");
  }

  async sees(state: RegExp): Promise<void> {
    const look = (): Promise<string> => this.#page.evaluate(`document.getElementById("state").textContent`);
    await until(async () => state.test(await look()), { what: `the page to say ${state}`, deadline: 15_000 });
  }

  text(): Promise<string> {
    return this.#page.evaluate(`document.getElementById("text").value`);
  }

  leave(): Promise<void> {
    return this.#page.open("about:blank");
  }
}

test("two users at two instances: who has it, taking over, and a page that is left", async () => {
  const topology = await startSingle();
  onTestFinished(() => topology.stop());
  const backend = connectionString(topology.config);
  const anna = await User.signIn(backend, "anna");
  await anna.sees(/^It is yours/);
  await anna.write("by anna");
  await anna.sees(/^Saved/);
  const ben = await User.signIn(backend, "ben");
  await ben.sees(/^anna has it since .+, until .+: editing$/);
  await ben.press("take");
  await ben.sees(/^It is yours/);
  // Told by the stream of her own instance.
  await anna.sees(/^ben has it since .+: taken over$/);
  // The beacon of the page that is left releases it, and the other one gets it.
  await ben.leave();
  await anna.sees(/^It is yours/);
  expect(await anna.text()).toBe("by anna");
});
