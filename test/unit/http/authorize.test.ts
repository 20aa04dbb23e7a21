import { describe, expect, it } from "vitest";
import { authorized, type Identify } from "../../../src/http/authorize.js";
import { createRouter } from "../../../src/http/router.js";
import { sendJson } from "../../../src/http/json.js";
import { ask, hosts, listen, type Target } from "./hosts.js";

/** Serves `/who`, which answers with what the identity was; `ran` counts how often the handler did. */
async function serveIdentity(
  identify: Identify<unknown>,
): Promise<{ target: Target; errors: unknown[]; ran: () => number }> {
  let ran = 0;
  const errors: unknown[] = [];
  const handler = createRouter(
    [
      {
        method: "GET",
        path: "/who",
        handlers: [authorized(identify, (_req, res, _next, identity) => (ran++, sendJson(res, 200, { identity })))],
      },
    ],
    { onError: (error) => errors.push(error) },
  );
  return { target: await listen((req, res) => handler(req, res)), errors, ran: () => ran };
}

describe("authorized", () => {
  it.each([
    ["ann", "ann"],
    [7, 7],
    [true, true],
    [Promise.resolve({ id: "ann" }), { id: "ann" }],
  ])("hands %j on to the handler", async (identity, seen) => {
    const { target } = await serveIdentity(() => identity);
    expect((await ask(target, "GET", "/who")).json()).toEqual({ identity: seen });
  });

  it.each([undefined, null, false, "", 0, Promise.resolve(undefined)])("answers 401 for %j", async (nobody) => {
    const { target, ran } = await serveIdentity(() => nobody);
    const answer = await ask(target, "GET", "/who");
    expect(answer.status).toBe(401);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "ERR_FLEET_UNAUTHENTICATED" });
    expect(ran()).toBe(0);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("session is undefined");
      },
    ],
    ["rejects", () => Promise.reject(new Error("session is undefined"))],
  ])("lets nothing through when the check %s", async (_name, identify) => {
    const { target, errors, ran } = await serveIdentity(identify);
    const answer = await ask(target, "GET", "/who");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("session");
    expect(errors.map(String)).toEqual(["Error: session is undefined"]);
    expect(ran()).toBe(0);
  });

  it.each(hosts.filter(([name]) => name !== "bare node"))(
    "hands failures of check and handler to the app on %s",
    async (_name, serve) => {
      const handler = createRouter([
        {
          method: "GET",
          path: "/check",
          handlers: [
            authorized(
              () => Promise.reject(new Error("check")),
              () => undefined,
            ),
          ],
        },
        {
          method: "GET",
          path: "/handler",
          handlers: [
            authorized(
              () => "ann",
              () => Promise.reject(new Error("handler")),
            ),
          ],
        },
      ]);
      const target = await serve(handler);
      await ask(target, "GET", "/check");
      await ask(target, "GET", "/handler");
      expect(target.errors.map(String)).toEqual(["Error: check", "Error: handler"]);
    },
  );

  it("lets the handler pass the request on", async () => {
    const handler = createRouter([
      {
        method: "GET",
        path: "/who",
        handlers: [
          authorized(
            () => "ann",
            (_req, _res, next) => next(),
          ),
          (_req, res) => sendJson(res, 200, "second"),
        ],
      },
    ]);
    const target = await listen((req, res) => handler(req, res));
    expect((await ask(target, "GET", "/who")).json()).toBe("second");
  });
});
