import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RespError, RespParser, encodeCommand, type RespValue } from "../../support/resp-parser.js";

const stream = Buffer.from(
  "+OK\r\n:42\r\n$-1\r\n$5\r\nhé\r\n\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n*-1\r\n-MOVED 1 127.0.0.1:7000\r\n" +
    "%1\r\n+server\r\n+redis\r\n>2\r\n+message\r\n+hello\r\n#t\r\n,1.5\r\n_\r\n=7\r\ntxt:one\r\n|1\r\n+ttl\r\n:9\r\n+after\r\n",
);
const values: RespValue[] = [
  "OK",
  42,
  null,
  "hé\r\n",
  ["a", [1]],
  null,
  new RespError("MOVED 1 127.0.0.1:7000"),
  ["server", "redis"],
  ["message", "hello"],
  true,
  1.5,
  null,
  "one",
  "after",
];

describe("RespParser", () => {
  test("reads every kind of value, however the stream is cut", () => {
    const cuts = fc
      .uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }))
      .map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (positions) => {
        const parser = new RespParser();
        const bounds = [0, ...positions, stream.length];
        const frames = bounds.slice(1).flatMap((end, index) => parser.push(stream.subarray(bounds[index], end)));
        expect(frames.map(({ value }) => value)).toEqual(values);
        expect(Buffer.concat(frames.map(({ bytes }) => bytes))).toEqual(stream);
        expect(frames.filter(({ push }) => push).map(({ value }) => value)).toEqual([["message", "hello"]]);
      }),
    );
  });

  test("reads what encodeCommand writes", () => {
    const [frame] = new RespParser().push(encodeCommand(["SET", "clé", 1]));
    expect(frame?.value).toEqual(["SET", "clé", "1"]);
  });

  test("refuses what is not RESP", () => {
    expect(() => new RespParser().push(Buffer.from("HTTP/1.1 200 OK\r\n"))).toThrow(/not RESP.*HTTP/);
  });

  test("an error knows its code", () => {
    expect(new RespError("NOAUTH Authentication required.").code).toBe("NOAUTH");
  });
});
