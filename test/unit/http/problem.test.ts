import { describe, expect, it } from "vitest";
import { OverloadedError, PermissionError, UnavailableError } from "../../../src/core/errors.js";
import { sendJson } from "../../../src/http/json.js";
import { problemOf, sendProblem } from "../../../src/http/problem.js";
import { ask, listen } from "./hosts.js";

describe("sendProblem", () => {
  it("answers with problem+json that nobody stores", async () => {
    const target = await listen((_req, res) => {
      res.setHeader("ETag", '"of another body"');
      res.setHeader("Content-Encoding", "gzip");
      sendProblem(res, {
        status: 409,
        code: "ERR_FLEET_HELD",
        detail: "held by ann",
        retryAfter: 1200,
        headers: { "X-Own": "1" },
      });
    });
    const answer = await ask(target, "GET", "/");
    expect(answer.status).toBe(409);
    expect(answer.json()).toEqual({ status: 409, title: "Conflict", code: "ERR_FLEET_HELD", detail: "held by ann" });
    expect(answer.headers).toMatchObject({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "retry-after": "2",
      "x-own": "1",
    });
    expect(answer.headers).not.toHaveProperty("etag");
    expect(answer.headers).not.toHaveProperty("content-encoding");
  });

  it("takes a title of its own, and never asks for a repeat at once", async () => {
    const target = await listen((_req, res) => sendProblem(res, { status: 503, title: "Closing", retryAfter: 0 }));
    const answer = await ask(target, "GET", "/");
    expect(answer.json()).toEqual({ status: 503, title: "Closing" });
    expect(answer.headers["retry-after"]).toBe("1");
  });

  it("carries what else a program may read, which replaces nothing of ours", async () => {
    const members = { holder: { id: "ann" }, until: 5, status: 200, reason: undefined };
    const target = await listen((_req, res) => sendProblem(res, { status: 423, code: "ERR_FLEET_HELD", members }));
    expect((await ask(target, "GET", "/")).json()).toEqual({
      status: 423,
      title: "Locked",
      code: "ERR_FLEET_HELD",
      holder: { id: "ann" },
      until: 5,
    });
  });

  it("cuts off a response that had begun, so that half an answer does not look whole", async () => {
    const target = await listen((_req, res) => {
      res.writeHead(200);
      res.write("half");
      sendProblem(res, { status: 500 });
    });
    await expect(ask(target, "GET", "/")).rejects.toThrow();
  });

  it("leaves a complete answer alone", async () => {
    // More than the kernel takes at once, so that most of it is still to be sent.
    const length = 30_000_000;
    const target = await listen((_req, res) => {
      res.end("x".repeat(length));
      sendProblem(res, { status: 500 });
    });
    expect((await ask(target, "GET", "/")).text).toHaveLength(length);
  });
});

describe("problemOf", () => {
  it("keeps code, status and headers of our errors, without what they say of our servers", () => {
    expect(problemOf(new UnavailableError("10.0.0.7:6379 refuses connections", { retryAfter: 2500 }))).toEqual({
      status: 503,
      code: "ERR_FLEET_UNAVAILABLE",
      retryAfter: 2500,
      headers: { "Retry-After": "3" },
    });
    expect(problemOf(new OverloadedError("too many"))).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    expect(problemOf(new PermissionError("user app may not run set"))).toEqual({
      status: 500,
      code: "ERR_FLEET_PERMISSION",
      headers: {},
    });
  });

  it("tells the message of our errors that the client can mend", () => {
    const error = Object.assign(new Error("the lease has passed to ann"), {
      code: "ERR_FLEET_LOST",
      status: 409,
      headers: { "X-A": "1", bad: 7 },
    });
    expect(problemOf(error)).toEqual({
      status: 409,
      code: "ERR_FLEET_LOST",
      detail: "the lease has passed to ann",
      headers: { "X-A": "1" },
    });
  });

  it.each([
    ["an error", new Error("secret")],
    ["an error of the system", Object.assign(new Error("secret"), { code: "ECONNREFUSED", address: "10.0.0.7" })],
    [
      "an error of an HTTP client",
      Object.assign(new Error("secret"), { code: "ERR_BAD_REQUEST", status: 404, headers: { a: "secret" } }),
    ],
    ["an exposed failure of a server", Object.assign(new Error("secret"), { status: 502, expose: true })],
    ["text", "secret"],
    ["undefined", undefined],
    ["null", null],
  ])("makes a plain 500 of %s", (_name, error) => {
    expect(problemOf(error)).toEqual({ status: 500 });
  });

  it("keeps the status, and nothing else, of a client error that may be exposed", () => {
    expect(
      problemOf(Object.assign(new Error("entity too large"), { status: 413, expose: true, headers: { a: "b" } })),
    ).toEqual({ status: 413 });
  });

  it.each([200, 302, 600, 404.5, "404", Number.NaN])("does not believe the status %j of our own error", (status) => {
    expect(problemOf(Object.assign(new Error("x"), { code: "ERR_FLEET_X", status })).status).toBe(500);
  });
});

describe("sendJson", () => {
  it("answers with JSON that nobody stores unless headers say otherwise", async () => {
    const target = await listen((req, res) =>
      sendJson(
        res,
        201,
        { text: "é" },
        req.url === "/own"
          ? { contentType: "application/x+json", headers: { "Cache-Control": "no-cache", ETag: undefined } }
          : {},
      ),
    );
    const plain = await ask(target, "GET", "/");
    expect(plain.status).toBe(201);
    expect(plain.json()).toEqual({ text: "é" });
    expect(plain.headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store" });
    const own = await ask(target, "GET", "/own");
    expect(own.headers).toMatchObject({ "content-type": "application/x+json", "cache-control": "no-cache" });
    expect(own.headers).not.toHaveProperty("etag");
  });

  it("writes null for nothing, and leaves the response untouched when the body cannot be written", async () => {
    const target = await listen((req, res) => {
      if (req.url === "/nothing") return sendJson(res, 200, undefined);
      try {
        sendJson(res, 200, { n: 1n });
      } catch {
        res.end(JSON.stringify(res.getHeaderNames()));
      }
    });
    expect((await ask(target, "GET", "/nothing")).text).toBe("null");
    expect((await ask(target, "GET", "/cannot")).json()).toEqual([]);
  });
});
