import type { ChannelListener, RedisBackend } from "../../src/backend/backend.js";
import type { Mechanism } from "./feed-protocol.js";

/** What a hint calls the entry before its own, as far as that is told: position, operation. */
export type Previous = readonly [position: string, operation: string];

/** A backend under a feed that makes mechanisms of the feed useless; `last` is what the follower applied last. */
export function without(
  mechanisms: readonly Mechanism[],
  backend: RedisBackend,
  last: () => Previous | undefined,
): RedisBackend {
  const replaced: Partial<RedisBackend> = {
    ...(mechanisms.includes("chain") ? { subscribe: subscribeUnchained(backend, last) } : {}),
    ...(mechanisms.includes("fork check") ? { run: runUnchecked(backend) } : {}),
  };
  return new Proxy(backend, {
    get(target, name) {
      const value: unknown = Reflect.get(name in replaced ? replaced : target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Every hint says that it follows what was applied last. */
function subscribeUnchained(backend: RedisBackend, last: () => Previous | undefined): RedisBackend["subscribe"] {
  return (channel, listener) => {
    const unchained: ChannelListener = {
      gap: () => listener.gap(),
      message(text) {
        if (!text.startsWith("[")) return listener.message(text);
        const parts = JSON.parse(text) as string[];
        // The name, then what came before, then the entry's own four.
        const previous = parts.slice(1, -4);
        const unchecked = [...(last() ?? previous)].slice(0, previous.length);
        listener.message(JSON.stringify([...parts.slice(0, 1), ...unchecked, ...parts.slice(-4)]));
      },
    };
    return backend.subscribe(channel, unchained);
  };
}

/** No sync finds that the log was cut or has lost entries: it goes on from what was asked about to the end that it was told. */
function runUnchecked(backend: RedisBackend): RedisBackend["run"] {
  return async (script, call, options) => {
    const reply = await backend.run(script, call, options);
    const [status, now, entries] = reply;
    if (script.name !== "feed/sync-log" || status === "OK" || status === "START") return reply;
    const { last, origin, operation } = call.args as Readonly<Record<string, string>>;
    const followed = [[last, origin, operation, ""], ...(JSON.parse(String(entries)) as readonly string[][])];
    return ["OK", now, JSON.stringify(followed)] as unknown as typeof reply;
  };
}
