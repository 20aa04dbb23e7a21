import type { IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import type { Clock } from "../../../src/core/clock.js";
import type { Logger } from "../../../src/core/logger.js";
import { Feed } from "../../../src/feed/feed.js";
import { createReservations, type ReservationsOfFleet } from "../../../src/reservations/reservations.js";
import type { SessionWatch } from "../../../src/reservations/session-watch.js";

/** Sessions as the test lets them end; a request's is what its header `x-session` says. */
export class FakeWatch implements SessionWatch {
  readonly #ended = new Set<(session: string) => Promise<void> | void>();
  readonly #rotated = new Set<(from: string, to: string) => Promise<void> | void>();

  of(req: IncomingMessage): string | undefined {
    return headerOf(req, "x-session");
  }

  onEnded(listener: (session: string) => Promise<void> | void): () => void {
    this.#ended.add(listener);
    return () => void this.#ended.delete(listener);
  }

  onRotated(listener: (from: string, to: string) => Promise<void> | void): () => void {
    this.#rotated.add(listener);
    return () => void this.#rotated.delete(listener);
  }

  async end(session: string): Promise<void> {
    for (const listener of this.#ended) await listener(session);
  }

  async rotate(from: string, to: string): Promise<void> {
    for (const listener of this.#rotated) await listener(from, to);
  }

  get listeners(): number {
    return this.#ended.size + this.#rotated.size;
  }
}

/** One instance on a named embedded backend. */
export interface Instance {
  readonly room: ReservationsOfFleet;
  readonly watch: FakeWatch;
  /** How often a feed was asked for. */
  readonly feeds: () => number;
  /** Empties every log, as a failover that loses the last writes does. */
  readonly loseLogs: () => void;
  /** The codes of what was logged. */
  readonly logged: readonly unknown[];
}

let names = 0;

/** A name of a backend that no other test uses. */
export function anotherName(): string {
  return `reservations-${process.pid}-${(names += 1)}`;
}

/** Starts an instance; it is closed when the test ends. */
export function instanceOn(name: string, clock: Clock): Instance {
  const instanceId = crypto.randomUUID();
  const backend = createMemoryBackend({ namespace: "test", instanceId, clock, name });
  const watch = new FakeWatch();
  const logged: unknown[] = [];
  const log = (fields: object): void => void logged.push((fields as { code?: unknown }).code);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  let feed: Feed | undefined;
  let asked = 0;
  const room = createReservations({
    backend,
    clock,
    logger,
    instance: instanceId.slice(0, 8),
    feed() {
      asked += 1;
      return (feed ??= new Feed({
        backend,
        clock,
        details: () => ({ name: instanceId, version: "0", settings: {} }),
        onDiffer: () => undefined,
        onError: () => undefined,
      }));
    },
    watch,
  });
  onTestFinished(async () => {
    await room.close();
    await feed?.close();
    await backend.close();
  });
  const loseLogs = (): void => {
    const { logs } = backend.room("feed", () => ({ logs: new Map<string, unknown[]>() }));
    for (const entries of logs.values()) entries.splice(0);
  };
  return { room, watch, feeds: () => asked, loseLogs, logged };
}

/** A header as text. */
export function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === "string" ? value : undefined;
}
