import { randomUUID } from "node:crypto";
import type { Express, RequestHandler } from "express";
import expressSession from "express-session";
import { afterEach, describe, expect, test } from "vitest";
import type { SessionMiddlewareOptions } from "../../src/sessions/index.js";
import type { SessionCookieOptions } from "../../src/sessions/middleware-options.js";
import { HttpClient } from "../support/http-client.js";
import { instanceOn, secret, serve, sessionOf, versions } from "./support.js";

/** What both understand, with the same meaning. */
type Options = Omit<Partial<SessionMiddlewareOptions>, "cookie"> & { readonly cookie?: SessionCookieOptions };

interface Step {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Done before the request. */
  readonly before?: (client: HttpClient) => void;
}

interface Scenario {
  readonly what: string;
  /** Made anew for each of the two, since a secret array may be changed. */
  readonly options?: () => Options;
  readonly prepare?: (app: Express) => void;
  /** Where the middleware is mounted; default everywhere. */
  readonly mount?: string;
  readonly steps: readonly (string | Step)[];
  /** A documented difference: what ours sends with the step of that number where express-session sends no cookie. */
  readonly onlyOurs?: { readonly step: number; readonly cookies: readonly string[] };
}

const minute = 60_000;
const https = { "x-forwarded-proto": "https" };
const shared: string[] = [];
const as = (value: string) => (client: HttpClient) => void client.cookies.set("sid", value);

const scenarios: readonly Scenario[] = [
  { what: "a request that writes nothing", steps: ["/read", "/read"] },
  { what: "a new session", steps: ["/set/a", "/read", "/read"] },
  { what: "a write, and the same again", steps: ["/set/a", "/set/b", "/set/b", "/read"] },
  {
    what: "saveUninitialized",
    options: () => ({ saveUninitialized: true }),
    steps: ["/read", "/read", "/set/a", "/read"],
  },
  { what: "resave", options: () => ({ resave: true }), steps: ["/set/a", "/read", "/read"] },
  {
    what: "resave and saveUninitialized",
    options: () => ({ resave: true, saveUninitialized: true }),
    steps: ["/read", "/read"],
  },
  { what: "destroy", steps: ["/set/a", "/destroy", "/read", "/set/b", "/read"] },
  { what: "regenerate", steps: ["/set/a", "/regenerate", "/read"] },
  { what: "regenerate of a session that was never stored", steps: ["/regenerate", "/read"] },
  { what: "a login as passport does it", steps: ["/set/a", "/login", "/read"] },
  { what: "save and redirect", steps: ["/save-and-redirect", "/read"] },
  { what: "save without waiting", steps: ["/save-unheard", "/read"] },
  { what: "reload", steps: ["/set/a", "/reload", "/read"] },
  { what: "a redirect", steps: ["/redirect", "/read"] },
  { what: "an empty answer", steps: ["/empty", "/read"] },
  { what: "HEAD", steps: [{ path: "/set/a", method: "HEAD" }, "/read"] },
  {
    what: "an answer from cache",
    steps: ["/set/a", { path: "/cached", headers: { "if-none-match": '"etag"' } }, "/read"],
  },
  { what: "a handler that fails", steps: ["/fail", "/read"] },
  { what: "a handler that ends twice", steps: ["/twice", "/read"] },
  { what: "a streamed response", steps: ["/stream", "/read"] },
  { what: "a stream whose length is told", steps: ["/stream-with-length", "/read"] },
  { what: "a stream that writes only after its headers", steps: ["/set/a", "/late", "/read"] },
  { what: "a new session after the headers", steps: ["/late", "/read"] },
  { what: "several Set-Cookie headers", steps: ["/cookies", "/read"] },
  { what: "one other Set-Cookie header", steps: ["/cookie", "/read"] },
  ...["object", "list", "pairs", "reason", "no-headers"].map((form) => ({
    what: `writeHead with headers (${form})`,
    steps: [`/write-head/${form}`, "/read", `/write-head/${form}`],
  })),
  { what: "flushed headers", steps: ["/flush", "/read"] },
  { what: "maxAge", options: () => ({ cookie: { maxAge: minute } }), steps: ["/set/a", "/read", "/set/b", "/read"] },
  {
    what: "maxAge and a stream",
    options: () => ({ cookie: { maxAge: minute } }),
    steps: ["/stream", "/stream", "/late", "/read"],
  },
  { what: "rolling", options: () => ({ rolling: true }), steps: ["/read", "/set/a", "/read", "/stream", "/destroy"] },
  {
    what: "rolling and maxAge",
    options: () => ({ rolling: true, cookie: { maxAge: minute } }),
    steps: ["/read", "/set/a", "/read"],
  },
  {
    what: "a cookie-only change is sent by ours alone",
    steps: ["/set/a", "/max-age", "/read"],
    onlyOurs: { step: 1, cookies: ["Expires; HttpOnly; Path=/; SameSite=Lax; sid"] },
  },
  { what: "a changed cookie and a change", steps: ["/set/a", "/max-age-and-set", "/read"] },
  {
    what: "a path that the cookie is not for",
    options: () => ({ cookie: { path: "/admin" } }),
    steps: ["/read", "/admin/set", "/admin?set", "/administrator", "/admin/read", "/read"],
  },
  {
    what: "a path, below a mount",
    options: () => ({ cookie: { path: "/admin" } }),
    mount: "/admin",
    steps: ["/admin/set", "/admin/read", "/admin/read?path=/"],
  },
  { what: "a root mount with a query", steps: ["/set/a?x=1", "/?y", "/read#z"] },
  {
    what: "a forged cookie",
    steps: [
      { path: "/read", before: as(`s%3A${"A".repeat(46)}.${"B".repeat(43)}`) },
      { path: "/set/a", before: as("unsigned") },
      { path: "/read", before: as("s%3A") },
      { path: "/read", before: as("s%3Ano-dot") },
      { path: "/read", before: as("%zz") },
    ],
  },
  {
    what: "a cookie of another secret",
    steps: [
      "/set/a",
      { path: "/read", before: (client) => void client.cookies.set("sid", `${client.cookies.get("sid")}x`) },
    ],
  },
  {
    what: "an identifier that is signed but unknown",
    steps: ["/set/a", "/destroy", "/set/b", "/read"],
  },
  {
    what: "secret rotation",
    options: () => {
      shared.splice(0, shared.length, "the older secret of the test, long enough");
      return { secret: shared };
    },
    steps: [
      "/set/a",
      { path: "/read", before: () => void shared.unshift(secret) },
      "/set/b",
      { path: "/read", before: () => void shared.pop() },
    ],
  },
  { what: "secure over http", options: () => ({ cookie: { secure: true } }), steps: ["/set/a", "/read"] },
  {
    what: "secure behind a proxy that the option trusts",
    options: () => ({ proxy: true, cookie: { secure: true } }),
    steps: [
      { path: "/set/a", headers: https },
      "/read",
      { path: "/set/b", headers: { "x-forwarded-proto": "HTTPS , http" } },
    ],
  },
  {
    what: "secure behind a proxy that the option does not trust",
    options: () => ({ proxy: false, cookie: { secure: true } }),
    prepare: (app) => void app.set("trust proxy", true),
    steps: [{ path: "/set/a", headers: https }],
  },
  {
    what: "secure behind a proxy that Express trusts",
    options: () => ({ cookie: { secure: true } }),
    prepare: (app) => void app.set("trust proxy", true),
    steps: [{ path: "/set/a", headers: https }, "/set/b", "/read"],
  },
  {
    what: "secure and sameSite by the request",
    options: () => ({ proxy: true, cookie: { secure: "auto", sameSite: "auto" } }),
    steps: [
      { path: "/set/a", headers: https },
      { path: "/set/a", before: (client) => client.cookies.clear() },
    ],
  },
  {
    what: "every attribute",
    options: () => ({
      name: "app",
      cookie: { domain: "example.org", httpOnly: false, priority: "high", partitioned: true, sameSite: "strict" },
    }),
    steps: ["/set/a", "/read"],
  },
  { what: "unset: keep", steps: ["/set/a", "/unset", "/read"] },
  {
    what: "unset: destroy",
    options: () => ({ unset: "destroy" }),
    steps: ["/set/a", "/unset", "/read", "/set/b", "/destroy", "/read"],
  },
  { what: "unset: destroy of a new session", options: () => ({ unset: "destroy" }), steps: ["/unset", "/read"] },
  {
    what: "genid",
    options: () => ({ genid: () => `made-${randomUUID()}` }),
    steps: ["/set/a", "/read", "/regenerate", "/read"],
  },
  {
    what: "an identifier that is no string",
    options: () => ({ genid: () => 42 as never }),
    steps: ["/set/a", "/read"],
  },
  {
    what: "an identifier from what cookie-parser read",
    prepare: (app) =>
      void app.use((request, _response, next) => {
        const raw = /sid=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
        request.headers.cookie = undefined;
        (request as { cookies: unknown }).cookies = raw === undefined ? {} : { sid: decodeURIComponent(raw) };
        next();
      }),
    steps: ["/set/a", "/read", { path: "/read", before: as("unsigned") }],
  },
  {
    what: "an identifier from cookie-parser's signed cookies",
    prepare: (app) =>
      void app.use((request, _response, next) => {
        const raw = /sid=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
        request.headers.cookie = undefined;
        const id = raw === undefined ? false : decodeURIComponent(raw).slice(2).split(".")[0];
        (request as { signedCookies: unknown }).signedCookies = { sid: id };
        next();
      }),
    steps: ["/set/a", "/read"],
  },
  {
    what: "a request that has a session already",
    prepare: (app) =>
      void app.use((request, _response, next) => {
        (request as { session: unknown }).session = { theirs: true };
        next();
      }),
    steps: ["/read", "/set/a", "/read"],
  },
];

function routes(app: Express): void {
  const fields = (request: Parameters<typeof sessionOf>[0]): object | null =>
    request.session ? { ...sessionOf(request), cookie: undefined } : null;
  app.get("/read", (request, response) => void response.json(fields(request)));
  app.get(["/admin", "/admin/set", "/administrator"], (request, response) => {
    if (request.session) sessionOf(request)["admin"] = true;
    response.json(fields(request));
  });
  app.get("/admin/read", (request, response) => void response.json(fields(request)));
  app.get("/", (request, response) => void response.json(fields(request)));
  app.get("/set/:name", (request, response) => {
    sessionOf(request)[request.params.name] = true;
    response.send("set");
  });
  app.get("/destroy", (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.send("out")));
  });
  app.get("/regenerate", (request, response, next) => {
    request.session.regenerate((error) => (error ? next(error) : response.send("fresh")));
  });
  app.get("/login", (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      sessionOf(request)["user"] = "bob";
      request.session.save((failure) => (failure ? next(failure) : response.redirect("/read")));
    });
  });
  app.get("/save-and-redirect", (request, response, next) => {
    sessionOf(request)["saved"] = true;
    request.session.save((error) => (error ? next(error) : response.redirect("/read")));
  });
  app.get("/save-unheard", (request, response) => {
    sessionOf(request)["saved"] = true;
    request.session.save();
    response.send("saved");
  });
  app.get("/reload", (request, response, next) => {
    sessionOf(request)["unsaved"] = true;
    request.session.reload((error) => (error ? next(error) : response.json(fields(request))));
  });
  app.get("/max-age", (request, response) => {
    request.session.cookie.maxAge = 5 * minute;
    response.send("changed");
  });
  app.get("/max-age-and-set", (request, response) => {
    request.session.cookie.maxAge = 5 * minute;
    sessionOf(request)["b"] = true;
    response.send("changed");
  });
  app.get("/unset", (request, response) => {
    (request as { session: unknown }).session = null;
    response.send("unset");
  });
  answers(app);
}

function answers(app: Express): void {
  const write: RequestHandler = (request, _response, next) => {
    sessionOf(request)["written"] = true;
    next();
  };
  app.get("/redirect", write, (_request, response) => response.redirect("/read"));
  app.get("/empty", write, (_request, response) => void response.status(204).end());
  app.get("/cached", write, (_request, response) => void response.set("ETag", '"etag"').send("cached"));
  app.get("/fail", write, () => {
    throw Object.assign(new Error("the handler fails"), { status: 418 });
  });
  app.get("/twice", write, (_request, response) => {
    response.end("first");
    response.end("second");
  });
  app.get("/stream", write, (_request, response) => {
    response.write("one ");
    setImmediate(() => response.end("two"));
  });
  app.get("/stream-with-length", write, (_request, response) => {
    response.writeHead(200, { "Content-Length": 7 });
    response.write("one ");
    setImmediate(() => response.end(new Uint8Array([116, 119, 111])));
  });
  app.get("/late", (request, response) => {
    response.write("one ");
    sessionOf(request)["late"] = true;
    response.end("dHdv", "base64");
  });
  app.get("/flush", write, (_request, response) => {
    response.flushHeaders();
    response.end();
  });
  app.get("/cookie", write, (_request, response) => void response.cookie("one", "1").send("one"));
  app.get("/cookies", write, (_request, response) => void response.cookie("one", "1").cookie("two", "2").send("two"));
  app.get("/write-head/:form", write, (request, response) => {
    response.setHeader("X-Before", "1");
    if (request.params["form"] === "object")
      response.writeHead(201, { "Set-Cookie": ["one=1", "two=2"], "X-Before": "2" });
    if (request.params["form"] === "list") response.writeHead(201, ["Set-Cookie", "one=1", "Set-Cookie", "two=2"]);
    if (request.params["form"] === "pairs") response.writeHead(201, [["Set-Cookie", "one=1"]] as never);
    if (request.params["form"] === "reason") response.writeHead(201, "Made", { "Set-Cookie": "one=1" });
    if (request.params["form"] === "no-headers") response.writeHead(201);
    response.end("body");
  });
}

/** A cookie's name and attributes, without values that differ by time or chance, in one order. */
function shapeOf(cookie: string): string {
  const [pair = "", ...attributes] = cookie.split("; ");
  const [name = ""] = pair.split("=");
  const kept = attributes
    .filter((attribute) => !attribute.startsWith("Max-Age="))
    .map((attribute) => attribute.replace(/^Expires=.*/, "Expires"));
  return [...kept, name].sort().join("; ");
}

for (const { version, make } of versions) {
  const closers: (() => void | Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function observe({ steps, prepare, mount = "/" }: Scenario, middleware: RequestHandler): Promise<object[]> {
    const app = make();
    prepare?.(app);
    app.use(mount, middleware);
    routes(app);
    // Express' own page names the line that failed.
    app.use(((error, _request, response, _next) => {
      response.status(error.status ?? 500).send(error.message);
    }) as import("express").ErrorRequestHandler);
    const { origin, close } = await serve(app);
    const client = new HttpClient(origin);
    closers.push(close, () => client.close());
    const seen: object[] = [];
    for (const step of steps) {
      const { before, ...request }: Step = typeof step === "string" ? { path: step } : step;
      before?.(client);
      const { status, headers, text } = await client.request(request);
      const { location, "x-before": other } = headers;
      const cookies = (headers["set-cookie"] ?? []).map(shapeOf);
      seen.push({ request: request.path, status, text, location, other, cookies });
    }
    return seen;
  }

  describe.each(["before-response", "express-session"] as const)(`${version}, commit: %s`, (commit) => {
    test.each(scenarios)("$what: as express-session", async (scenario) => {
      const { options = (): Options => ({}), onlyOurs } = scenario;
      const withDefaults = (): Options & { secret: string | string[] } => {
        const given = options();
        return {
          secret,
          name: "sid",
          resave: false,
          saveUninitialized: false,
          ...given,
          cookie: { sameSite: "lax", secure: "auto", ...given.cookie },
        };
      };
      const theirs = await observe(scenario, expressSession(withDefaults() as expressSession.SessionOptions));
      const ours = instanceOn(randomUUID()).middleware({ ...(withDefaults() as SessionMiddlewareOptions), commit });
      const expected = theirs.map((step, index) =>
        index === onlyOurs?.step ? { ...step, cookies: onlyOurs.cookies } : step,
      );
      if (onlyOurs !== undefined) expect(theirs[onlyOurs.step]).toMatchObject({ cookies: [] });
      expect(await observe(scenario, ours as RequestHandler)).toEqual(expected);
    });
  });
}
