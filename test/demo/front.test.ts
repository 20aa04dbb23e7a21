import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Balancer } from "../../examples/demo/balancer.js";
import type { Action } from "../../examples/demo/demo.js";
import { createFront, type FrontedDemo } from "../../examples/demo/front.js";
import type { ActionResult } from "../../examples/demo/instance-actions.js";
import { HttpClient, type HttpRequest, type HttpResponse } from "../support/http-client.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A demo that notes what it is asked for and answers as the test says. */
interface FakeDemo extends FrontedDemo {
  readonly asked: Action[];
  measured: number;
  refusal: string | undefined;
  result: () => Promise<ActionResult | undefined>;
}

function fakeDemo(balancer?: Balancer): FakeDemo {
  const demo: FakeDemo = {
    asked: [],
    measured: 0,
    refusal: undefined,
    result: () => Promise.resolve({ done: "ours-1 is gone." }),
    balancer: () => balancer,
    state: () => Promise.resolve({ words: "fine" } as never),
    act: (action) => {
      demo.asked.push(action);
      return demo.result();
    },
    measure: () => {
      demo.measured += 1;
      return Promise.resolve();
    },
    get notMeasurable() {
      return demo.refusal;
    },
  };
  return demo;
}

async function front(demo: FrontedDemo): Promise<HttpClient> {
  const server = createFront(demo).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 2_000);
  closers.push(
    () => client.close(),
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return client;
}

function outcome({ status, text }: HttpResponse): unknown {
  return [status, JSON.parse(text)];
}

const stop: HttpRequest = { method: "POST", path: "/demo/instances/ours-1/stop" };

describe("the page", () => {
  test("comes whole, under a policy that lets nothing in but its own files", async () => {
    const client = await front(fakeDemo());
    const { status, headers, text } = await client.request({ path: "/" });
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|http/);
    const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(files).toEqual(["/page.css", "/main.js"]);
    for (const path of files) expect((await client.request({ path })).status).toBe(200);
  });

  test("has no handler, script or style in its markup, and nothing from elsewhere", async () => {
    const { text } = await (await front(fakeDemo())).request({ path: "/" });
    expect(text).not.toMatch(/\son[a-z]+=|\sstyle=|<style|<script(?![^>]*\ssrc=)|https?:\/\/(?!www\.w3\.org)/);
  });

  test("its scripts import each other by paths that are there", async () => {
    const client = await front(fakeDemo());
    const seen = new Set(["/main.js"]);
    for (const path of seen) {
      const { status, headers, text } = await client.request({ path });
      expect([path, status, headers["content-type"]]).toEqual([path, 200, "text/javascript; charset=utf-8"]);
      for (const [, name] of text.matchAll(/from "\.(\/[\w-]+\.js)"/g)) seen.add(name ?? "");
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test("is only read", async () => {
    const { status, headers } = await (await front(fakeDemo())).request({ path: "/", method: "POST" });
    expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
  });
});

describe("a button", () => {
  test.each([
    ["instances/ours-1/stop", { on: "instances", name: "ours-1", action: "stop" }],
    ["instances/usual-3/kill", { on: "instances", name: "usual-3", action: "kill" }],
    ["servers/127.0.0.1:7000/kill", { on: "servers", name: "127.0.0.1:7000", action: "kill" }],
    ["servers/127.0.0.1:7000/restart", { on: "servers", name: "127.0.0.1:7000", action: "restart" }],
  ])("%s is asked of the demo, and what came of it is told", async (path, action) => {
    const demo = fakeDemo();
    const client = await front(demo);
    const answer = await client.request({ method: "POST", path: `/demo/${path}` });
    expect(outcome(answer)).toEqual([200, { done: "ours-1 is gone." }]);
    expect(demo.asked).toEqual([action]);
  });

  test.each([
    ["refused", { refused: "ours-1 does not run." }, 409, "ours-1 does not run."],
    ["unknown", undefined, 404, "the demo has started nothing with the name ours-1"],
  ])("what is %s says so", async (_, result, status, error) => {
    const demo = fakeDemo();
    demo.result = () => Promise.resolve(result);
    expect(outcome(await (await front(demo)).request(stop))).toEqual([status, { error }]);
  });

  test("a failure comes with its diagnosis", async () => {
    const demo = fakeDemo();
    demo.result = () => Promise.reject(Object.assign(new Error("no server answers"), { help: "start one" }));
    expect(outcome(await (await front(demo)).request(stop))).toEqual([
      500,
      { error: "no server answers\n  start one" },
    ]);
  });

  test.each(["instances/ours-1/restart", "servers/127.0.0.1:7000/stop", "instances/ours-1", "instances//stop"])(
    "%s is none",
    async (path) => {
      const demo = fakeDemo();
      const { status } = await (await front(demo)).request({ method: "POST", path: `/demo/${path}` });
      expect([status, demo.asked]).toEqual([404, []]);
    },
  );

  test("is not pressed by reading its address", async () => {
    const demo = fakeDemo();
    const { status, headers } = await (await front(demo)).request({ ...stop, method: "GET" });
    expect([status, headers.allow, demo.asked]).toEqual([405, "POST", []]);
  });
});

describe("a request that changes something, sent for a page of", () => {
  const headersOf = {
    "another site": { "sec-fetch-site": "cross-site" },
    "another port of this host": { "sec-fetch-site": "same-site" },
    "another origin, by an old browser": { origin: "http://evil.example" },
    "no origin": { origin: "null" },
  };
  for (const [from, headers] of Object.entries(headersOf)) {
    test.each([stop.path, "/demo/trials"])(`${from}, is refused: %s`, async (path) => {
      const demo = fakeDemo();
      const { status } = await (await front(demo)).request({ method: "POST", path, headers });
      expect([status, demo.asked, demo.measured]).toEqual([403, [], 0]);
    });
  }

  test("the demo itself, is done", async () => {
    const demo = fakeDemo();
    const client = await front(demo);
    const byFetch = { "sec-fetch-site": "same-origin", origin: "http://localhost:3000" };
    const byOldBrowser = { host: "localhost:3000", origin: "http://localhost:3000" };
    for (const headers of [byFetch, byOldBrowser]) {
      expect((await client.request({ ...stop, headers })).status).toBe(200);
    }
    expect(demo.asked).toHaveLength(2);
  });
});

describe("the trials", () => {
  test("run when they can", async () => {
    const demo = fakeDemo();
    const { status } = await (await front(demo)).request({ method: "POST", path: "/demo/trials" });
    expect([status, demo.measured]).toEqual([202, 1]);
  });

  test("say why they cannot", async () => {
    const demo = fakeDemo();
    demo.refusal = "The trials need everything running: start ours-2 first.";
    const answer = await (await front(demo)).request({ method: "POST", path: "/demo/trials" });
    expect(outcome(answer)).toEqual([409, { error: demo.refusal }]);
    expect(demo.measured).toBe(0);
  });
});

describe("an app", () => {
  async function echo(): Promise<FakeDemo> {
    const server = createServer((req, res) => {
      res.setHeader("Set-Cookie", "sid=1; Path=/; HttpOnly; SameSite=Lax");
      res.end(req.url);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const balancer = new Balancer([{ name: "one", port: (server.address() as AddressInfo).port }]);
    closers.push(
      () => balancer.close(),
      () => server.close(),
      () => server.closeAllConnections(),
    );
    return fakeDemo(balancer);
  }

  test.each([
    ["/ours/session?x=1", "/session?x=1", "/"],
    ["/usual", "/", "/"],
    ["/users/ab1-3/ours/count?work=5", "/count?work=5", "/users/ab1-3/ours/"],
    ["/users/ab1-3/usual/session", "/session", "/users/ab1-3/usual/"],
  ])("%s is asked for %s, with cookies for %s", async (path, asked, cookiePath) => {
    const { text, headers } = await (await front(await echo())).request({ path });
    expect(text).toBe(asked);
    expect(headers["set-cookie"]).toEqual([`sid=1; Path=${cookiePath}; HttpOnly; SameSite=Lax`]);
  });

  test("answers 503 while the demo starts, and is not meant by names that only begin like it", async () => {
    const client = await front(fakeDemo());
    expect((await client.request({ path: "/ours/session" })).status).toBe(503);
    expect((await client.request({ path: "/oursession" })).status).toBe(404);
    expect((await client.request({ path: "/users/A_B/ours/session" })).status).toBe(404);
  });
});
