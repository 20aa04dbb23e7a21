import { describe, expect, it } from "vitest";
import { createRouter, queryOf, type RoutedRequest } from "../../../src/http/router.js";
import { sendJson } from "../../../src/http/json.js";
import type { Handler, RequestHandler } from "../../../src/http/handler.js";
import { ask, hosts, listen } from "./hosts.js";

const echo: Handler = (req, res) =>
  sendJson(res, 200, { params: (req as RoutedRequest).params, query: [...queryOf(req)], method: req.method });

function sampleRouter(): RequestHandler {
  return createRouter([
    { method: "GET", path: "/items/:id", handlers: [echo] },
    { method: "DELETE", path: "/items/:id", handlers: [echo] },
    { method: "POST", path: "/items/search", handlers: [echo] },
    { method: "POST", path: "/passed-on", handlers: [(_req, _res, next) => next()] },
    {
      method: "GET",
      path: "/throws",
      handlers: [
        () => {
          throw new Error("password of the database");
        },
      ],
    },
    {
      method: "GET",
      path: "/rejects",
      handlers: [() => Promise.reject(Object.assign(new Error("gone"), { status: 410, code: "ERR_FLEET_GONE" }))],
    },
    { method: "POST", path: "/two", handlers: [(_req, res, next) => (res.setHeader("X-First", "yes"), next()), echo] },
  ]);
}

describe.each(hosts)("createRouter on %s", (name, serve) => {
  it("hands over decoded parameters and the query", async () => {
    const target = await serve(sampleRouter());
    const answer = await ask(target, "GET", "/items/a%2Fb%20c?x=1&x=%C3%A9&flag");
    expect(answer.json()).toEqual({
      params: { id: "a/b c" },
      query: [
        ["x", "1"],
        ["x", "é"],
        ["flag", ""],
      ],
      method: "GET",
    });
  });

  it("answers HEAD as GET, without the body", async () => {
    const target = await serve(sampleRouter());
    const answer = await ask(target, "HEAD", "/items/1");
    expect(answer.status).toBe(200);
    expect(Number(answer.headers["content-length"])).toBeGreaterThan(10);
    expect(answer.text).toBe("");
  });

  it("answers a wrong method of a known path with 405 and Allow", async () => {
    const target = await serve(sampleRouter());
    const answer = await ask(target, "PUT", "/items/1");
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, DELETE, HEAD, OPTIONS");
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json()).toMatchObject({ status: 405, title: "Method Not Allowed" });
  });

  it("counts every path that matches: another may serve the method", async () => {
    const target = await serve(sampleRouter());
    expect((await ask(target, "POST", "/items/search")).status).toBe(200);
    expect((await ask(target, "GET", "/items/search")).json()).toMatchObject({ params: { id: "search" } });
    expect((await ask(target, "PATCH", "/items/search")).headers.allow).toBe("GET, DELETE, POST, HEAD, OPTIONS");
  });

  it("answers OPTIONS with Allow", async () => {
    const target = await serve(sampleRouter());
    const answer = await ask(target, "OPTIONS", "/two");
    expect(answer.status).toBe(204);
    expect(answer.headers.allow).toBe("POST, OPTIONS");
  });

  it("runs the handlers of a route in order", async () => {
    const target = await serve(sampleRouter());
    expect((await ask(target, "POST", "/two")).headers["x-first"]).toBe("yes");
  });

  it("leaves unknown paths, and what a handler passes on, to what comes next", async () => {
    const target = await serve(sampleRouter());
    for (const [method, path] of [
      ["GET", "/nothing"],
      ["POST", "/passed-on"],
    ] as const) {
      const answer = await ask(target, method, path);
      expect(answer.status).toBe(404);
      expect(answer.text.includes("the app's own 404")).toBe(name !== "bare node");
    }
  });

  if (name !== "bare node") {
    it("hands thrown and rejected errors to the app", async () => {
      const target = await serve(sampleRouter());
      expect((await ask(target, "GET", "/throws")).text).toBe("the app's own 500");
      expect((await ask(target, "GET", "/rejects")).text).toBe("the app's own 500");
      expect(target.errors.map(String)).toEqual(["Error: password of the database", "Error: gone"]);
    });

    it("hands a path that cannot be decoded to the app as a 400", async () => {
      const target = await serve(sampleRouter());
      await ask(target, "GET", "/items/%E0%A4%A");
      expect(target.errors).toEqual([expect.objectContaining({ status: 400 })]);
    });

    it("restores what the app had on the request", async () => {
      const seen: unknown[] = [];
      const target = await serve((req, res, next) => {
        const { url } = req;
        sampleRouter()(req, res, (error) => {
          seen.push(url, req.url);
          next?.(error);
        });
      });
      await ask(target, "GET", "/nothing?q=1");
      expect(seen).toEqual(["/nothing?q=1", "/nothing?q=1"]);
    });
  }
});

describe("createRouter without anything after it", () => {
  it("answers failures as problems that tell no secrets, and reports the unknown ones", async () => {
    const errors: unknown[] = [];
    const handler = createRouter(
      [
        { method: "GET", path: "/throws", handlers: [() => Promise.reject(new Error("password of the database"))] },
        {
          method: "GET",
          path: "/gone",
          handlers: [() => Promise.reject(Object.assign(new Error("gone"), { status: 410, code: "ERR_FLEET_GONE" }))],
        },
        { method: "GET", path: "/items/:id", handlers: [echo] },
      ],
      { onError: (error) => errors.push(error) },
    );
    const target = await listen((req, res) => handler(req, res));
    const failed = await ask(target, "GET", "/throws");
    expect(failed.status).toBe(500);
    expect(failed.text).not.toContain("password");
    expect(errors.map(String)).toEqual(["Error: password of the database"]);
    expect((await ask(target, "GET", "/gone")).json()).toEqual({
      title: "Gone",
      status: 410,
      detail: "gone",
      code: "ERR_FLEET_GONE",
    });
    expect((await ask(target, "GET", "/items/%E0%A4%A")).status).toBe(400);
    expect(errors).toHaveLength(1);
  });
});

describe("createRouter without anybody to tell", () => {
  it("turns an unknown failure into a process warning", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const handler = sampleRouter();
    const target = await listen((req, res) => handler(req, res));
    expect((await ask(target, "GET", "/throws")).status).toBe(500);
    expect((await warned).message).toBe("password of the database");
  });
});

describe("queryOf", () => {
  it.each([
    ["/path", ""],
    ["/path?", ""],
    ["/path?a=1?b", "a=1%3Fb"],
    [undefined, ""],
  ])("reads %j", (url, expected) => {
    expect(queryOf({ url } as RoutedRequest).toString()).toBe(expected);
  });
});
