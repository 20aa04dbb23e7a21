import { RedisStore } from "connect-redis";
import type { Express } from "express";
import session, { MemoryStore, type Store } from "express-session";
import { createApp } from "./app.js";
import type { InstanceSettings } from "./serve.js";
import { connectUsual, type UsualClient } from "./usual-client.js";

/** The app as most teams run it, and how its store is closed. */
export interface UsualApp {
  readonly app: Express;
  close(): Promise<void>;
}

/** express-session with its MemoryStore, or with connect-redis over ioredis where there are real servers. */
export async function usualApp(settings: InstanceSettings): Promise<UsualApp> {
  const client = settings.embedded ? undefined : connectUsual();
  // Answers once the servers do; until then the instance is not started.
  await client?.ping();
  const store = client === undefined ? new MemoryStore() : redisStore(client, settings.namespace);
  const middleware = session({ secret: settings.secret, resave: false, saveUninitialized: false, store });
  const describe = (): object => ({ name: settings.name, pid: process.pid });
  return { app: createApp(settings.name, { session: middleware }, describe), close: async () => client?.disconnect() };
}

function redisStore(client: UsualClient, namespace: string): Store {
  return new RedisStore({ client, prefix: usualPrefix(namespace), ttl: 3_600 });
}

/** Before every key of the usual app; inside our namespace, so that one pattern finds all that the demo wrote. */
export function usualPrefix(namespace: string): string {
  return `${namespace}:usual:`;
}
