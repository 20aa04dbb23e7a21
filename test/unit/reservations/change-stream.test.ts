import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { FollowedLogs } from "../../../src/feed/followed-logs.js";
import type { Registry } from "../../../src/reservations/index.js";
import { systemClock } from "../../../src/core/clock.js";
import { until } from "../../support/until.js";
import { ask, listen, type Target } from "../http/hosts.js";
import { anotherName, headerOf, instanceOn, type Instance } from "./room.js";

interface Setup {
  readonly one: Instance;
  readonly documents: Registry;
  readonly target: Target;
}

async function setUp(): Promise<Setup> {
  const one = instanceOn(anotherName(), systemClock);
  const documents = one.room.define("document");
  const router = documents.router({ owner: (req: IncomingMessage) => headerOf(req, "x-user") });
  return { one, documents, target: await listen((req, res) => router(req, res)) };
}

const anna = { owner: "u1", session: "s1" };

async function open({ target }: Setup, lastEventId = ""): Promise<{ text(): string; close(): void }> {
  const headers = { "x-user": "u1", "x-session": "s1", "last-event-id": lastEventId };
  const outgoing = request({ port: target.port, path: "/events", headers, agent: false }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  response.on("error", () => undefined);
  const close = (): void => void response.destroy();
  onTestFinished(close);
  return { text: () => text, close };
}

function itemsIn(text: string): readonly string[] {
  return [...text.matchAll(/"item":"(\d+)"/g)]
    .map(([, item]) => item ?? "")
    .filter((item, at, all) => item !== all[at - 1]);
}

test("what happens while the log is read is neither lost nor sent twice", async () => {
  const setup = await setUp();
  const { documents } = setup;
  const first = await open(setup);
  await until(() => first.text().includes("id: "), { what: "the beginning" });
  const id = /id: (.*)/.exec(first.text())?.[1] ?? "";
  first.close();
  const read = FollowedLogs.prototype.read;
  vi.spyOn(FollowedLogs.prototype, "read").mockImplementationOnce(async function (this: FollowedLogs, ...args) {
    await documents.reserve("1", anna);
    const entries = await read.apply(this, args);
    await documents.reserve("2", anna);
    return entries;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const second = await open(setup, id);
  await documents.reserve("3", anna);
  await until(() => second.text().includes('"item":"3"'), { what: "the last change" });
  expect(itemsIn(second.text())).toEqual(["1", "2", "3"]);
  expect(second.text().match(/event: change/g)).toHaveLength(3);
});

test("a log that cannot be read is 503, and nobody is listened to any more", async () => {
  const setup = await setUp();
  vi.spyOn(FollowedLogs.prototype, "read").mockRejectedValue(
    Object.assign(new Error("no"), { code: "ERR_FLEET_X", status: 503 }),
  );
  onTestFinished(() => void vi.restoreAllMocks());
  const answer = await ask(setup.target, "GET", "/events", { "x-user": "u1", "x-session": "s1" });
  expect(answer.status).toBe(503);
  expect(setup.documents.heard).toBe(false);
});

test("a browser that goes away is not listened for any more", async () => {
  const setup = await setUp();
  const stream = await open(setup);
  await until(() => stream.text().includes("reset"), { what: "the beginning" });
  expect(setup.documents.heard).toBe(true);
  stream.close();
  await until(() => !setup.documents.heard, { what: "the end" });
});

test("a stream that is only asked about is none", async () => {
  const setup = await setUp();
  const answer = await ask(setup.target, "HEAD", "/events", { "x-user": "u1", "x-session": "s1" });
  expect(answer.status).toBe(200);
  expect(setup.documents.heard).toBe(false);
});
