import { onTestFinished } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import type { FakeClock } from "../../../src/testing/fake-clock.js";
import { bulk, failure, FakeServer, info, integer, list, type Answer, type FakeConnection } from "./fake-server.js";
import { openBackend, type BackendForTest } from "./open-backend.js";

/** Fake sentinels and fake data servers; each sentinel has its own opinion. */
export class FakeSentinels {
  readonly sentinels: readonly FakeServer[];
  readonly data: readonly FakeServer[];
  /** The index of the data server that each sentinel names. */
  readonly opinions: number[];
  /** The epoch of the failover that each knows of. */
  readonly epochs: number[];
  /** The indexes of the other sentinels that each one knows. */
  readonly others: number[][];
  /** False: they do not tell their own id, as before 6.2. */
  tellId = true;
  readonly #answers: Answer[];
  readonly #listeners: FakeConnection[] = [];

  private constructor(sentinels: readonly FakeServer[], data: readonly FakeServer[]) {
    this.sentinels = sentinels;
    this.data = data;
    this.opinions = sentinels.map(() => 0);
    this.epochs = sentinels.map(() => 0);
    this.others = sentinels.map((_, own) => sentinels.flatMap((_other, index) => (index === own ? [] : [index])));
    this.#answers = sentinels.map(() => () => undefined);
    for (const [index, server] of sentinels.entries()) {
      server.answer(
        (words, connection) => this.#answers[index]?.(words, connection) ?? this.#sentinel(index, words, connection),
      );
    }
  }

  static async start(sentinels = 3, data = 2): Promise<FakeSentinels> {
    const servers = await Promise.all(Array.from({ length: sentinels + data }, () => FakeServer.start()));
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    return new FakeSentinels(servers.slice(0, sentinels), servers.slice(sentinels));
  }

  /** A backend that was given the first sentinel alone, unless the options say otherwise. */
  open(clock: FakeClock, more: Partial<BackendForTest> = {}): RedisBackend {
    const [first] = this.sentinels as [FakeServer];
    return openBackend({ kind: "sentinel", sentinel: { name: "mymaster" }, nodes: [first.address], clock, ...more });
  }

  /** From now on one sentinel answers otherwise; where it says nothing, as before. */
  answer(index: number, answer: Answer): void {
    this.#answers[index] = answer;
  }

  /** Every sentinel names this data server from now on. */
  agree(index: number): void {
    this.opinions.fill(index);
  }

  /** Tells all who listen to any sentinel. */
  publish(channel: string, message: string): void {
    for (const listener of this.#listeners) listener.write(list(bulk("message"), bulk(channel), bulk(message)));
  }

  /** How often each sentinel was asked for the primary. */
  questions(): number[] {
    return this.sentinels.map(
      (server) =>
        server.received.filter(({ words }) => words[0] === "SENTINEL" && words[1] === "get-master-addr-by-name").length,
    );
  }

  /** How many connections are open, to each sentinel. */
  connections(): number[] {
    return this.sentinels.map((server) => server.open);
  }

  #sentinel(index: number, words: readonly string[], connection: FakeConnection): string | undefined {
    const [name, question, ...more] = words;
    if (name === "INFO") return info({ redis_mode: "sentinel", role: undefined });
    if (name === "SUBSCRIBE") {
      this.#listeners.push(connection);
      const channels = [question ?? "", ...more];
      return channels.map((channel, at) => list(bulk("subscribe"), bulk(channel), integer(at + 1))).join("");
    }
    if (name !== "SENTINEL") return undefined;
    switch (question) {
      case "get-master-addr-by-name": {
        const primary = this.data[this.opinions[index] ?? 0] as FakeServer;
        return list(bulk(primary.host), bulk(String(primary.port)));
      }
      case "master":
        return list(bulk("config-epoch"), bulk(String(this.epochs[index] ?? 0)));
      case "sentinels":
        return list(...(this.others[index] ?? []).map((other) => this.#record(other)));
      case "myid":
        return this.tellId ? bulk(`id-${index}`) : failure("ERR Unknown sentinel subcommand 'myid'");
      default:
        return list();
    }
  }

  #record(index: number): string {
    const server = this.sentinels[index] as FakeServer;
    return list(
      bulk("ip"),
      bulk(server.host),
      bulk("port"),
      bulk(String(server.port)),
      bulk("runid"),
      bulk(`id-${index}`),
    );
  }
}
