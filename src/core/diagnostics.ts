import { tracingChannel, type TracingChannel } from "node:diagnostics_channel";

/**
 * The tracing channels of every room, for `diagnostics_channel.tracingChannel(name)`: `start`, `end`, `asyncStart`,
 * `asyncEnd` and `error` carry the context of the call, without keys, ids or values.
 */
export const channels = {
  sessionLoad: "express-fleet:session.load",
  sessionSave: "express-fleet:session.save",
  sessionDestroy: "express-fleet:session.destroy",
  lockAcquire: "express-fleet:lock.acquire",
  reservationCall: "express-fleet:reservation.call",
  backendCall: "express-fleet:backend.call",
} as const;

/** The name of one of the `channels`. */
export type ChannelName = (typeof channels)[keyof typeof channels];

const tracing = Object.fromEntries(Object.values(channels).map((name) => [name, tracingChannel(name)])) as Readonly<
  Record<ChannelName, TracingChannel>
>;

/** Runs `fn` and publishes its course on the channel; without subscribers it only runs it. Settles as `fn` does. */
export function trace<T>(channel: ChannelName, context: object, fn: () => Promise<T>): Promise<T> {
  return tracing[channel].tracePromise(fn, context);
}

/** Named numbers that only grow, for `fleet.stats()`. */
export interface Counters<Name extends string> {
  /** Adds `by`, default 1. */
  add(name: Name, by?: number): void;
  /** A copy of the values now. */
  snapshot(): Record<Name, number>;
}

/** A set of counters, all at 0. */
export function counters<Name extends string>(names: readonly Name[]): Counters<Name> {
  const values = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  return {
    add(name, by = 1) {
      values[name] += by;
    },
    snapshot: () => ({ ...values }),
  };
}
