import { onTestFinished } from "vitest";
import type { FakeClock } from "../../../src/testing/fake-clock.js";
import { bulk, FakeServer, info, integer, list, type Answer } from "./fake-server.js";
import { openBackend, type BackendForTest } from "./open-backend.js";
import type { RedisBackend } from "../../../src/backend/backend.js";

/** A run of slots: from, to, and the indexes of its servers, the primary first. */
export type FakeRange = readonly [from: number, to: number, ...servers: number[]];

/** Fake servers that all tell the same slots. */
export class FakeCluster {
  readonly servers: readonly FakeServer[];
  ranges: readonly FakeRange[];
  readonly #answers: Answer[];

  private constructor(servers: readonly FakeServer[], ranges: readonly FakeRange[]) {
    this.servers = servers;
    this.ranges = ranges;
    this.#answers = servers.map(() => () => undefined);
    for (const [index, server] of servers.entries()) {
      server.answer((words, connection) => {
        const answer = this.#answers[index]?.(words, connection);
        if (answer !== undefined) return answer;
        if (words[0] === "INFO") return info({ redis_mode: "cluster" });
        return words[0] === "CLUSTER" ? this.slots() : undefined;
      });
    }
  }

  /** Starts so many servers, which end with the test. */
  static async start(count: number, ...ranges: FakeRange[]): Promise<FakeCluster> {
    const servers = await Promise.all(Array.from({ length: count }, () => FakeServer.start()));
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    return new FakeCluster(servers, ranges);
  }

  /** A backend that was given the first server alone, unless the options say otherwise. */
  open(clock: FakeClock, more: Partial<BackendForTest> = {}): RedisBackend {
    return openBackend({ kind: "cluster", nodes: [this.at(0).address], clock, ...more });
  }

  at(index: number): FakeServer {
    return this.servers[index] as FakeServer;
  }

  /** From now on one server answers otherwise; where it says nothing, as before. */
  answer(index: number, answer: Answer): void {
    this.#answers[index] = answer;
  }

  /** The answer to CLUSTER SLOTS. */
  slots(ranges: readonly FakeRange[] = this.ranges): string {
    const server = (index: number): string =>
      list(bulk(this.at(index).host), integer(this.at(index).port), bulk(`id-${index}`));
    return list(...ranges.map(([from, to, ...servers]) => list(integer(from), integer(to), ...servers.map(server))));
  }

  /** How often the slots were asked for, of all servers. */
  questions(): number {
    return this.servers.reduce((sum, server) => sum + server.count("CLUSTER"), 0);
  }

  /** How many connections are open, to each server. */
  connections(): number[] {
    return this.servers.map((server) => server.open);
  }
}
