import { once } from "node:events";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { createGzip } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EventStream, lastEventIdOf, type EventStreamOptions } from "../../../src/http/sse.js";
import { until } from "../../support/until.js";
import { ask, fakeRequest, hosts, listen, type Target } from "./hosts.js";

interface Client {
  readonly response: IncomingMessage;
  text(): string;
  disconnect(): void;
}

async function connect(target: Target, headers: Record<string, string> = {}): Promise<Client> {
  const outgoing = request({
    port: target.port,
    host: "127.0.0.1",
    path: `${target.base}/events`,
    headers,
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => (text += chunk));
  response.on("error", () => {});
  return { response, text: () => text, disconnect: () => outgoing.destroy() };
}

/** A server whose streams the test holds in its hand. */
async function serveStreams(options: EventStreamOptions = {}): Promise<{ target: Target; streams: EventStream[] }> {
  const streams: EventStream[] = [];
  const target = await listen((req, res) => void streams.push(new EventStream(req, res, options)));
  return { target, streams };
}

/** There is one as soon as a client has the head of its response. */
function firstStream(streams: EventStream[]): EventStream {
  return streams[0] as EventStream;
}

afterEach(() => vi.restoreAllMocks());

describe.each(hosts)("EventStream on %s", (_name, serve) => {
  it("sends its head at once, then events, and ends when closed", async () => {
    const streams: EventStream[] = [];
    const target = await serve((req, res) => void streams.push(new EventStream(req, res, { retry: 2000 })));
    const client = await connect(target);
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    const stream = firstStream(streams);
    expect(stream.send({ id: "7", event: "progress", data: "half" })).toBe(true);
    expect(stream.send({ data: "one\ntwo\r\nthree\rfour" })).toBe(true);
    stream.close();
    stream.close();
    await once(client.response, "end");
    expect(client.text()).toBe(
      "retry: 2000\n\nid: 7\nevent: progress\ndata: half\n\ndata: one\ndata: two\ndata: three\ndata: four\n\n",
    );
    expect(stream.signal.aborted).toBe(true);
    expect(stream.send({ data: "late" })).toBe(false);
  });
});

describe("EventStream", () => {
  it.each([
    [{ id: "1\ndata: forged", data: "x" }],
    [{ id: "1\0", data: "x" }],
    [{ event: "a\r\n\r\ndata: forged", data: "x" }],
  ])("refuses %j, which would forge other fields", async (event) => {
    const { target, streams } = await serveStreams();
    const client = await connect(target);
    const stream = firstStream(streams);
    expect(() => stream.send(event)).toThrow(TypeError);
    stream.close();
    await once(client.response, "end");
    expect(client.text()).toBe("");
  });

  it("keeps data that looks like fields inside data", async () => {
    const { target, streams } = await serveStreams();
    const client = await connect(target);
    const stream = firstStream(streams);
    stream.send({ data: "a\n\nid: 9\nevent: forged" });
    stream.close();
    await once(client.response, "end");
    expect(client.text()).toBe("data: a\ndata: \ndata: id: 9\ndata: event: forged\n\n");
  });

  it("sends comments while idle", async () => {
    const { target } = await serveStreams({ heartbeat: 5 });
    const client = await connect(target);
    await until(() => client.text().startsWith(":\n\n:\n\n"), { what: "two comments" });
  });

  it("aborts its signal when the client goes away", async () => {
    const { target, streams } = await serveStreams();
    const client = await connect(target);
    const stream = firstStream(streams);
    expect(stream.signal.aborted).toBe(false);
    client.disconnect();
    await until(() => stream.signal.aborted, { what: "the end of the stream" });
    expect(stream.send({ data: "late" })).toBe(false);
  });

  it("disconnects a client that does not read, at the bound", async () => {
    const held: [EventStream, ServerResponse][] = [];
    const target = await listen(
      (req, res) => void held.push([new EventStream(req, res, { maxBuffered: 100_000 }), res]),
    );
    const client = await connect(target);
    client.response.socket.pause();
    const [stream, res] = held[0] as (typeof held)[number];
    const data = "x".repeat(10_000);
    let sent = 0;
    // The kernel takes some megabytes before anything waits in the process.
    while (stream.send({ data }) && sent < 10_000) sent += 1;
    expect(sent).toBeLessThan(10_000);
    expect(stream.signal.aborted).toBe(true);
    expect(res.destroyed).toBe(true);
    client.disconnect();
  });

  it.each([10_000, 80_000])(
    "does not disconnect a client that reads, however many events of %d bytes it gets",
    async (size) => {
      const { target, streams } = await serveStreams({ maxBuffered: 100_000 });
      const client = await connect(target);
      const stream = firstStream(streams);
      const data = "x".repeat(size);
      for (let sent = 1; sent <= 100; sent += 1) {
        expect(stream.send({ data })).toBe(true);
        await until(() => client.text().length >= sent * (size + "data: \n\n".length), { what: "the event", every: 1 });
      }
    },
  );

  it("sends only the head to HEAD", async () => {
    const { target, streams } = await serveStreams();
    const answer = await ask(target, "HEAD", "/events");
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    expect(streams[0]?.signal.aborted).toBe(true);
  });

  it("keeps a heartbeat that does not hold the process, and ends it with the stream", async () => {
    const intervals = vi.spyOn(globalThis, "setInterval");
    const cleared = vi.spyOn(globalThis, "clearInterval");
    const { target, streams } = await serveStreams();
    await connect(target);
    const heartbeats = intervals.mock.results.map((result) => result.value as NodeJS.Timeout);
    expect(heartbeats.map((heartbeat) => heartbeat.hasRef())).toEqual([false]);
    expect(cleared).not.toHaveBeenCalled();
    firstStream(streams).close();
    expect(cleared).toHaveBeenCalledWith(heartbeats[0]);
  });

  it("starts no heartbeat when the head cannot be sent", async () => {
    const intervals = vi.spyOn(globalThis, "setInterval");
    const failures: unknown[] = [];
    const target = await listen((req, res) => {
      res.writeHead(200).write("begun");
      try {
        void new EventStream(req, res);
      } catch (error) {
        failures.push(error);
      }
      res.end();
    });
    await ask(target, "GET", "/events");
    expect(failures).toHaveLength(1);
    expect(intervals).not.toHaveBeenCalled();
  });

  it("ends quietly when somebody else ends the response", async () => {
    const sent: boolean[] = [];
    const target = await listen((req, res) => {
      const stream = new EventStream(req, res);
      res.end();
      // A write after the end would be an error event without a listener, and so an uncaught exception.
      sent.push(stream.send({ data: "late" }));
    });
    const client = await connect(target);
    await once(client.response, "end");
    expect(sent).toEqual([false]);
    expect(client.text()).toBe("");
  });
});

/** What a compression middleware does to a response: writes go into a compressor that holds them until it is flushed. */
function compress(res: ServerResponse): { flushes: () => number } {
  let flushes = 0;
  const gzip = createGzip();
  const write = res.write.bind(res) as (chunk: Buffer) => boolean;
  const on = res.on.bind(res) as (event: string, listener: () => void) => ServerResponse;
  gzip.on("data", (chunk: Buffer) => {
    if (!write(chunk)) gzip.pause();
  });
  on("drain", () => void gzip.resume());
  Object.assign(res, {
    write: (chunk: string) => gzip.write(chunk),
    flush: () => {
      flushes += 1;
      gzip.flush();
    },
    on: (event: string, listener: () => void) =>
      event === "drain" ? (gzip.on(event, listener), res) : on(event, listener),
  });
  return { flushes: () => flushes };
}

describe("EventStream behind compression", () => {
  it("flushes each event, and bounds what waits inside the compressor", async () => {
    const held: { stream: EventStream; flushes: () => number }[] = [];
    const target = await listen((req, res) => {
      const { flushes } = compress(res);
      held.push({ stream: new EventStream(req, res, { maxBuffered: 200_000 }), flushes });
    });
    const client = await connect(target);
    client.response.pause();
    client.response.socket.pause();
    const { stream, flushes } = held[0] as (typeof held)[number];
    stream.send({ data: "first" });
    expect(flushes()).toBe(1);
    // All in one tick: nothing leaves the compressor, so nothing shows in the response's own buffer.
    let sent = 0;
    while (sent < 1000 && stream.send({ data: "x".repeat(10_000) })) sent += 1;
    expect(sent).toBeLessThan(30);
    expect(stream.signal.aborted).toBe(true);
    client.disconnect();
  });
});

describe("lastEventIdOf", () => {
  it("reads the header of a client that comes back", () => {
    expect(lastEventIdOf(fakeRequest({ "last-event-id": "42" }))).toBe("42");
    expect(lastEventIdOf(fakeRequest({ "last-event-id": "" }))).toBeUndefined();
    expect(lastEventIdOf(fakeRequest({}))).toBeUndefined();
  });
});
