import assert from "node:assert/strict";
import { comparePositions, type LogEntry } from "../feed/log-store.js";
import { append, begin, follow, newOperation, rise, type LogStoreCase } from "./log-store-fixture.js";

/** Appending, and the hints at it. */
export const appendingCases: readonly LogStoreCase[] = [
  {
    name: "append adds to the end, at positions that rise, and gives each",
    run: async (setting) => {
      const start = await begin(setting);
      const first = await append(setting, start.position, "first");
      const second = await append(setting, start.position, "second");
      const third = await append(setting, second.position, "third");
      rise(start.position, first.position, second.position, third.position);
      assert.deepEqual(await follow(setting, start), [start, first, second, third]);
    },
  },
  {
    name: "append keeps every character of a payload, also of a long one",
    run: async (setting) => {
      const start = await begin(setting);
      const strange = JSON.stringify({
        text: 'ünï|"\\\n\t\u0000\u007f\u2028{}%s%%|0|1,:/</script>',
        emoji: "🦊",
        empty: [],
        none: {},
      });
      const payloads = [strange, "", "0", "007", "1e400", "-0", "null", "x".repeat(65_536)];
      const appended = [];
      for (const payload of payloads) appended.push(await append(setting, start.position, payload));
      assert.deepEqual((await follow(setting, start)).slice(1), appended);
    },
  },
  {
    name: "append hints once at each entry, and at the one before it",
    run: async (setting) => {
      const { log } = setting;
      const start = await begin(setting);
      const first = await append(setting, start.position, 'a "first"/\\ ü🦊\n');
      const second = await append(setting, start.position, "[1,2]");
      const foreign = await setting.plant("from elsewhere");
      const third = await append(setting, start.position, "third");
      const fields = ({ position, origin, operation, payload }: LogEntry): readonly string[] => [
        position,
        origin,
        operation,
        payload,
      ];
      const expected = [
        [log.name, start.position, start.operation, ...fields(first)],
        [log.name, first.position, first.operation, ...fields(second)],
        [log.name, foreign, "", ...fields(third)],
      ];
      const heard = await setting.heard(3);
      assert.deepEqual(
        heard.map((text) => JSON.parse(text) as unknown),
        expected,
      );
    },
  },
  {
    name: "append recognises its resend after others appended",
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const entry = await append(setting, start.position, "once");
      await append(setting, start.position, "between");
      const { position, ...resent } = entry;
      assert.deepEqual(await store.append({ log, ...resent, since: start.position }), { status: "OK", position });
      assert.equal((await follow(setting, start)).length, 3);
    },
  },
  {
    name: "append takes what has another operation for another entry",
    run: async (setting) => {
      const start = await begin(setting);
      const [one, other] = [newOperation(), newOperation()];
      await append(setting, start.position, "same", one);
      await append(setting, start.position, "same", other);
      const operations = (await follow(setting, start)).map(({ operation }) => operation);
      assert.deepEqual(operations, [start.operation, one, other]);
    },
  },
  {
    name: "append finds its resend behind 511 others, and does nothing behind 512",
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      await setting.flood(511);
      const found = await append(setting, start.position, "found");
      const { position, ...resent } = found;
      await setting.flood(1_000);
      assert.deepEqual(await store.append({ log, ...resent, since: start.position }), { status: "OK", position });
      const late = { log, origin: "one", operation: newOperation(), payload: "late", since: start.position };
      const before = (await store.sync({ log, last: found, count: 2_000 })).entries;
      assert.deepEqual(await store.append(late), { status: "UNKNOWN" });
      assert.deepEqual((await store.sync({ log, last: found, count: 2_000 })).entries, before);
      const end = before.at(-1)?.position as string;
      assert.equal((await store.append({ ...late, since: end })).status, "OK");
    },
  },
  {
    name: "append does nothing where the end that its caller knew is not in the log",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const rewind = await setting.keep();
      const lost = await append(setting, start.position, "lost");
      await rewind();
      const late = { log, origin: "one", operation: newOperation(), payload: "late" };
      const unknown = [lost.position, "0-0", "1-0", "20260101120000000-0"];
      for (const since of unknown) assert.deepEqual(await store.append({ ...late, since }), { status: "UNKNOWN" });
      await setting.plant("another", `${Number.parseInt(lost.position, 10) + 1}-0`);
      for (const since of unknown) assert.deepEqual(await store.append({ ...late, since }), { status: "UNKNOWN" });
      assert.equal((await follow(setting, start)).length, 2);
      assert.equal((await store.append({ ...late, since: start.position })).status, "OK");
    },
  },
  {
    name: "append by many at once loses nothing and gives no position twice",
    run: async (setting) => {
      const start = await begin(setting);
      const numbers = Array.from({ length: 20 }, (_, index) => `${index}`);
      const appended = await Promise.all(numbers.map((number) => append(setting, start.position, number)));
      const [, ...entries] = await follow(setting, start);
      const inOrder = [...appended].sort((one, other) => comparePositions(one.position, other.position));
      assert.deepEqual(entries, inOrder);
      rise(start.position, ...entries.map(({ position }) => position));
    },
  },
];
