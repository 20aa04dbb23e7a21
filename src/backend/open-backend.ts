import type { BackendConfig } from "../config/backend-config.js";
import type { Clock } from "../core/clock.js";
import type { AnyBackend } from "./backend.js";
import { DeferredBackend } from "./deferred-backend.js";
import { KeySpace } from "./keys.js";
import { createMemoryBackend } from "./memory/memory-backend.js";

/** What a backend of any kind is opened with. */
export interface OpenBackendOptions {
  readonly config: BackendConfig;
  readonly namespace: string;
  /** Its name for people. */
  readonly instance: string;
  /** Another one at each start, by which others reach it. */
  readonly instanceId: string;
  readonly clock: Clock;
  /** Told when a listener of `on` throws. */
  readonly onListenerError: (error: unknown) => void;
}

/** Opens the backend that the configuration names; a Redis one connects in the background. */
export function openBackend(options: OpenBackendOptions): AnyBackend {
  const { config, namespace, instanceId, clock, onListenerError } = options;
  if (config.kind === "memory") {
    return createMemoryBackend({
      namespace,
      instanceId,
      clock,
      onListenerError,
      ...(config.name === undefined ? {} : { name: config.name }),
    });
  }
  return new DeferredBackend({
    kind: config.kind,
    keys: new KeySpace(namespace),
    instanceId,
    onListenerError,
    load: async () => {
      // Loaded only here, so that nobody pays for a Redis client who does not use one.
      const { createRedisBackend } = await import("./redis/redis-backend.js");
      return createRedisBackend({ ...options, config });
    },
  });
}
