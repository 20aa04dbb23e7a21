import { randomUUID } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { ErrorRequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StorageFullError, UnavailableError } from "../../src/core/errors.js";
import { MemorySessionStore } from "../../src/sessions/memory-session-store.js";
import type { SessionMiddlewareOptions, Sessions } from "../../src/sessions/index.js";
import { HttpClient } from "../support/http-client.js";
import { until } from "../support/until.js";
import { beforeEachCall, gate, instanceOn, secret, serve, sessionOf, versions, type PortMethod } from "./support.js";

afterEach(() => void vi.restoreAllMocks());

/** Makes the next calls of a method wait until the test opens the gate. */
function hold(method: PortMethod): { readonly called: Promise<void>; open(): void } {
  const [called, released] = [gate(), gate()];
  beforeEachCall(method, () => {
    called.open();
    return released.opened;
  });
  return { called: called.opened, open: released.open };
}

function fail(
  method: PortMethod,
  error: Error = new UnavailableError("the test took the backend away", { retryAfter: 2500 }),
): void {
  vi.spyOn(MemorySessionStore.prototype, method).mockImplementation(() => Promise.reject(error));
}

for (const { version, make } of versions) {
  describe(version, () => {
    let sessions: Sessions;
    let closers: (() => void | Promise<void>)[];
    let origin: string;
    let seen: { error: unknown; session: unknown }[];

    beforeEach(() => {
      sessions = instanceOn(randomUUID());
      closers = [];
      seen = [];
    });

    afterEach(async () => {
      for (const close of closers.reverse()) await close();
    });

    async function app(options: Partial<SessionMiddlewareOptions> = {}, handleErrors = true): Promise<HttpClient> {
      const made = make();
      made.use(sessions.middleware({ secret, ...options }));
      made.get("/write/:name", (req, res) => {
        sessionOf(req)[req.params.name] = true;
        res.set("Cache-Control", "public, max-age=60").send("written");
      });
      made.get("/read", (req, res) => void res.json(sessionOf(req)));
      made.get("/degraded", (req, res) => {
        const { degraded } = sessionOf(req);
        sessionOf(req)["ignored"] = true;
        res.json({ degraded: degraded === true, keys: Object.keys(req.session) });
      });
      made.get("/redirect", (req, res) => {
        sessionOf(req)["redirected"] = true;
        res.redirect("/read");
      });
      made.get("/raw", (req, res) => {
        sessionOf(req)["raw"] = true;
        res.statusCode = 201;
        res.setHeader("Content-Type", "text/plain");
        res.end("raw body", "utf8", () => void sessions.stats());
      });
      made.get("/stream", (req, res) => {
        sessionOf(req)["streamed"] = true;
        Readable.from(["one ", "two ", "three"]).pipe(res);
      });
      made.get("/cycle", (req, res) => {
        sessionOf(req)["self"] = req.session;
        res.send("never");
      });
      made.get("/streamed-cycle", (req, res) => {
        sessionOf(req)["self"] = req.session;
        res.write("one ");
        res.end("two");
      });
      made.get("/unset", (req, res) => {
        (req as { session: unknown }).session = null;
        res.send("unset");
      });
      made.get("/replaced", (req, res) => {
        (req as { session: unknown }).session = { user: "bob" };
        res.send("never");
      });
      made.get("/replaced-and-streamed", (req, res) => {
        (req as { session: unknown }).session = { user: "bob" };
        res.write("one ");
        res.end("two");
      });
      made.get("/no-status", (req, res) => {
        sessionOf(req)["a"] = true;
        res.statusCode = 99;
        res.end("never");
      });
      made.get("/no-status-and-no-change", (_req, res) => {
        res.statusCode = 99;
        res.end("never");
      });
      made.get("/no-body", (req, res) => {
        sessionOf(req)["a"] = true;
        res.end(42 as never);
      });
      made.get("/copied", (req, res) => {
        (req as { session: unknown }).session = Object.assign(
          req.sessionStore.createSession(req, { cookie: { originalMaxAge: null } } as never),
          { copied: true },
        );
        res.send("copied");
      });
      made.get("/twice", (req, res) => {
        sessionOf(req)["twice"] = true;
        res.end("first");
        res.end("second");
      });
      made.get("/regenerate", (req, res) => {
        req.session.regenerate(() => {
          sessionOf(req)["user"] = "bob";
          res.send("in");
        });
      });
      const onError: ErrorRequestHandler = (error, req, res, _next) => {
        seen.push({ error, session: req.session });
        if (res.headersSent) return;
        res
          .status(error.status ?? 500)
          .set(error.headers ?? {})
          .json({ failed: error.code ?? error.message });
      };
      if (handleErrors) made.use(onError);
      const served = await serve(made);
      origin = served.origin;
      closers.push(served.close);
      return browser();
    }

    function browser(): HttpClient {
      const client = new HttpClient(origin);
      closers.push(() => client.close());
      return client;
    }

    /** The answer as soon as its headers are there. */
    function open(client: HttpClient, path: string): Promise<IncomingMessage> {
      const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      return new Promise((resolve, reject) => {
        const outgoing = httpRequest(new URL(path, origin), { headers: { cookie } }, resolve);
        outgoing.on("error", reject).end();
      });
    }

    describe("a response in one piece", () => {
      test.each(["/write/a", "/redirect", "/raw", "/regenerate"])(
        "%s leaves after its session is saved",
        async (path) => {
          const client = await app();
          const put = hold("put");
          let answered = false;
          const headers = open(client, path).then((answer) => {
            answered = true;
            return answer;
          });
          await put.called;
          // Whatever the server has sent by now would be here before this second answer.
          await browser().request({ path: "/read" });
          expect(answered).toBe(false);
          put.open();
          const answer = await headers;
          expect(answer.statusCode).toBe({ "/write/a": 200, "/redirect": 302, "/raw": 201, "/regenerate": 200 }[path]);
          expect(answer.headers["set-cookie"]).toHaveLength(1);
          answer.resume();
        },
      );

      test("arrives whole, with its headers, and its callback is called", async () => {
        const client = await app();
        const { status, headers, text } = await client.request({ path: "/raw" });
        expect({ status, type: headers["content-type"], text }).toEqual({
          status: 201,
          type: "text/plain",
          text: "raw body",
        });
        expect(JSON.parse((await client.request({ path: "/read" })).text)).toMatchObject({ raw: true });
      });

      test("that is ended twice is sent once", async () => {
        const client = await app();
        expect((await client.request({ path: "/twice" })).text).toBe("first");
      });

      test("with `commit: express-session` its headers leave while the session is saved", async () => {
        const client = await app({ commit: "express-session" });
        const put = hold("put");
        const answer = await open(client, "/write/a");
        await put.called;
        expect(answer.statusCode).toBe(200);
        put.open();
        for await (const _ of answer);
      });
    });

    test("a stream is committed at its end, its beginning does not wait", async () => {
      const client = await app();
      const put = hold("put");
      const answer = await open(client, "/stream");
      expect(answer.headers["set-cookie"]).toHaveLength(1);
      await put.called;
      put.open();
      let text = "";
      for await (const piece of answer) text += String(piece);
      expect(text).toBe("one two three");
      await until(() => sessions.stats().saves === 1, { what: "the session of the stream to be saved" });
    });

    describe("a session that the app replaced", () => {
      test("by an object that is none is an error that says so, and the stored one stays", async () => {
        const client = await app();
        await client.request({ path: "/write/a" });
        const { status, text } = await client.request({ path: "/replaced" });
        expect(status).toBe(500);
        expect(text).toMatch(/req\.session was replaced/);
        expect(JSON.parse((await client.request({ path: "/read" })).text)).toMatchObject({ a: true });
      });

      test("by an object that is none, in a stream, is told to the error handler once", async () => {
        const client = await app();
        expect((await client.request({ path: "/replaced-and-streamed" })).text).toBe("one two");
        await until(() => seen.length > 0, { what: "the error to be told" });
        expect(seen.map(({ error }) => error)).toEqual([expect.any(TypeError)]);
      });

      test("by another one of the store is saved", async () => {
        const client = await app();
        await client.request({ path: "/write/a" });
        await client.request({ path: "/copied" });
        const session = JSON.parse((await client.request({ path: "/read" })).text);
        expect(session).toMatchObject({ copied: true });
        expect(session).not.toHaveProperty("a");
      });
    });

    describe.each([{}, { commit: "express-session" } as const])(
      "a save that comes after the headers (%j)",
      (options) => {
        test("and fails is told to the error handler once, and the response ends whole", async () => {
          const client = await app(options);
          fail("put");
          expect(await client.request({ path: "/stream" })).toMatchObject({ status: 200, text: "one two three" });
          await until(() => seen.length > 0, { what: "the error to be told" });
          expect(seen).toMatchObject([{ error: { code: "ERR_FLEET_UNAVAILABLE" } }]);
        });

        test("of a text that cannot be made, too", async () => {
          const client = await app(options);
          expect(await client.request({ path: "/streamed-cycle" })).toMatchObject({ status: 200, text: "one two" });
          await until(() => seen.length > 0, { what: "the error to be told" });
          expect(seen.map(({ error }) => error)).toEqual([expect.any(TypeError)]);
        });
      },
    );

    describe.each([{}, { commit: "express-session" } as const])("an answer that cannot be sent (%j)", (options) => {
      test.each(["/no-status", "/no-status-and-no-change"])("%s is an error that can be answered", async (path) => {
        const client = await app(options);
        expect((await client.request({ path })).text).toContain("ERR_HTTP_INVALID_STATUS_CODE");
        expect(seen).toHaveLength(1);
      });

      test("for its body is told to the error handler", async () => {
        const client = await app(options);
        const answer = client.request({ path: "/no-body" }).catch(() => undefined);
        await until(() => seen.length > 0, { what: "the error to be told" });
        expect(seen).toMatchObject([{ error: { code: "ERR_INVALID_ARG_TYPE" } }]);
        client.close();
        await answer;
      });
    });

    describe("a save that fails", () => {
      test("becomes the answer, without what the app said of its own", async () => {
        const client = await app();
        fail("put");
        for (const path of ["/write/a", "/redirect", "/raw"]) {
          const { status, headers, text } = await client.request({ path });
          expect(status).toBe(503);
          expect(JSON.parse(text)).toEqual({ failed: "ERR_FLEET_UNAVAILABLE" });
          expect(headers).toMatchObject({ "retry-after": "3", "content-type": "application/json; charset=utf-8" });
          for (const name of ["set-cookie", "location", "cache-control"]) expect(headers).not.toHaveProperty(name);
        }
        expect(seen.map(({ session }) => session)).toEqual([undefined, undefined, undefined]);
        expect(sessions.stats()).toMatchObject({ errors: 3, saves: 0 });
      });

      test("is answered by Express itself where the app handles no errors", async () => {
        vi.spyOn(console, "error").mockImplementation(() => undefined);
        const client = await app({}, false);
        fail("put");
        const { status, headers } = await client.request({ path: "/redirect" });
        expect(status).toBe(503);
        expect(headers).toMatchObject({ "retry-after": "3" });
        expect(headers).not.toHaveProperty("location");
      });

      test("for want of memory is 503 too, and the session that exists is not harmed", async () => {
        const client = await app();
        await client.request({ path: "/write/a" });
        fail("update", new StorageFullError("full"));
        expect((await client.request({ path: "/write/b" })).status).toBe(503);
        vi.restoreAllMocks();
        const session = JSON.parse((await client.request({ path: "/read" })).text);
        expect(session).toMatchObject({ a: true });
        expect(session).not.toHaveProperty("b");
      });

      test("is only logged under `onStoreError.write: log`", async () => {
        const client = await app({ onStoreError: { write: "log" } });
        fail("put");
        const { status, text } = await client.request({ path: "/write/a" });
        expect({ status, text }).toEqual({ status: 200, text: "written" });
        expect(sessions.stats().errors).toBe(1);
      });

      test("because of what the app put into the session is the app's error", async () => {
        const client = await app();
        const { status, text } = await client.request({ path: "/cycle" });
        expect(status).toBe(500);
        expect(text).toMatch(/circular/);
      });

      test("does not end the session under `unset: destroy`", async () => {
        const client = await app({ unset: "destroy" });
        await client.request({ path: "/write/a" });
        fail("update");
        expect((await client.request({ path: "/write/b" })).status).toBe(503);
        vi.restoreAllMocks();
        expect(JSON.parse((await client.request({ path: "/read" })).text)).toMatchObject({ a: true });
      });
    });

    describe("unset: destroy", () => {
      test("ends the session before the response, in one trip", async () => {
        const client = await app({ unset: "destroy" });
        await client.request({ path: "/write/a" });
        const destroy = hold("destroy");
        let answered = false;
        const response = client.request({ path: "/unset" }).then(() => (answered = true));
        await destroy.called;
        await browser().request({ path: "/read" });
        expect(answered).toBe(false);
        destroy.open();
        await response;
        expect(sessions.stats().destroys).toBe(1);
        vi.restoreAllMocks();
        expect(JSON.parse((await client.request({ path: "/read" })).text)).not.toHaveProperty("a");
      });

      test("that fails is an error, not a logout that did not happen", async () => {
        const client = await app({ unset: "destroy" });
        await client.request({ path: "/write/a" });
        fail("destroy");
        expect((await client.request({ path: "/unset" })).status).toBe(503);
      });

      test("a session that cannot be read is not ended for it", async () => {
        const client = await app({ unset: "destroy" });
        await client.request({ path: "/write/a" });
        fail("load");
        expect((await client.request({ path: "/read" })).status).toBe(503);
        vi.restoreAllMocks();
        expect(JSON.parse((await client.request({ path: "/read" })).text)).toMatchObject({ a: true });
        expect(sessions.stats().destroys).toBe(0);
      });
    });

    describe("a session that cannot be read", () => {
      test("fails the request with 503 and Retry-After, and leaves the browser its cookie", async () => {
        const client = await app();
        await client.request({ path: "/write/a" });
        fail("load");
        const { status, headers } = await client.request({ path: "/read" });
        expect(status).toBe(503);
        expect(headers).toMatchObject({ "retry-after": "3" });
        expect(headers).not.toHaveProperty("set-cookie");
      });

      test.each([{}, { rolling: true, cookie: { maxAge: 60_000 } }])(
        "is replaced by an empty one under `anonymous`, which is never stored and sends no cookie (%j)",
        async (more) => {
          const client = await app({ onStoreError: { read: "anonymous" }, ...more });
          await client.request({ path: "/write/a" });
          const cookie = client.cookies.get("sid");
          for (const method of ["load", "put", "update", "touch"] as const) fail(method);
          const { status, headers, text } = await client.request({ path: "/degraded" });
          expect(status).toBe(200);
          expect(JSON.parse(text)).toEqual({ degraded: true, keys: ["cookie", "ignored"] });
          expect(headers).not.toHaveProperty("set-cookie");
          vi.restoreAllMocks();
          expect(client.cookies.get("sid")).toBe(cookie);
          const session = JSON.parse((await client.request({ path: "/read" })).text);
          expect(session).toMatchObject({ a: true });
          expect(session).not.toHaveProperty("ignored");
          expect(JSON.parse((await client.request({ path: "/degraded" })).text)).toMatchObject({ degraded: false });
          expect(sessions.stats()).toMatchObject({ saves: 2, errors: 1 });
        },
      );
    });
  });
}
