import { describe, expect, it } from "vitest";
import { Emitter } from "../../../src/core/events.js";

interface Events {
  state: { readonly to: string };
  error: string;
}

function setup(): { emitter: Emitter<Events>; errors: [unknown, PropertyKey][]; seen: string[] } {
  const errors: [unknown, PropertyKey][] = [];
  return { emitter: new Emitter<Events>((error, event) => errors.push([error, event])), errors, seen: [] };
}

describe("Emitter", () => {
  it("calls listeners with the payload, in order, until they are removed", () => {
    const { emitter, seen } = setup();
    const off = emitter.on("state", ({ to }) => seen.push(`first ${to}`));
    emitter.on("state", ({ to }) => seen.push(`second ${to}`));
    emitter.emit("state", { to: "ready" });
    off();
    off();
    emitter.emit("state", { to: "down" });
    expect(seen).toEqual(["first ready", "second ready", "second down"]);
  });

  it("calls a once listener once, also when it emits the same event", () => {
    const { emitter, seen } = setup();
    emitter.once("state", ({ to }) => {
      seen.push(to);
      emitter.emit("state", { to: "again" });
    });
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["ready"]);
  });

  it("keeps a listener that throws from the emitter and from the others", () => {
    const { emitter, errors, seen } = setup();
    const failure = new Error("listener");
    emitter.on("state", () => {
      throw failure;
    });
    emitter.on("state", ({ to }) => seen.push(to));
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["ready"]);
    expect(errors).toEqual([[failure, "state"]]);
  });

  it("reports the rejection of an async listener", async () => {
    const { emitter, errors } = setup();
    const failure = new Error("async listener");
    emitter.on("state", async () => {
      throw failure;
    });
    emitter.emit("state", { to: "ready" });
    await new Promise(setImmediate);
    expect(errors).toEqual([[failure, "state"]]);
  });

  it("does not throw when the reporter does", () => {
    const emitter = new Emitter<Events>(() => {
      throw new Error("reporter");
    });
    const seen: string[] = [];
    emitter.on("state", () => {
      throw new Error("listener");
    });
    emitter.on("state", ({ to }) => seen.push(to));
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["ready"]);
  });

  it("turns failures into a process warning when nobody else is told", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const emitter = new Emitter<Events>();
    emitter.on("state", () => {
      throw new Error("unheard");
    });
    emitter.emit("state", { to: "ready" });
    await expect(warned).resolves.toMatchObject({
      name: "ExpressFleetWarning",
      message: expect.stringContaining("unheard"),
    });
  });

  it("has no special event: an error without a listener does nothing", () => {
    const { emitter, errors } = setup();
    emitter.emit("error", "nobody listens");
    expect(errors).toEqual([]);
  });

  it("leaves out what a listener removes, and what it adds, during an event", () => {
    const { emitter, seen } = setup();
    emitter.on("state", () => {
      off();
      emitter.on("state", () => seen.push("late"));
    });
    const off = emitter.on("state", () => seen.push("removed"));
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual([]);
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["late"]);
  });

  it("counts the same function as two listeners when it was given twice", () => {
    const { emitter, seen } = setup();
    const listener = (): number => seen.push("called");
    const off = emitter.on("state", listener);
    emitter.on("state", listener);
    off();
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["called"]);
  });

  it("calls nobody after clear, and takes listeners again", () => {
    const { emitter, seen } = setup();
    emitter.on("state", () => seen.push("before"));
    emitter.clear();
    emitter.emit("state", { to: "ready" });
    emitter.on("state", () => seen.push("after"));
    emitter.emit("state", { to: "ready" });
    expect(seen).toEqual(["after"]);
  });
});
