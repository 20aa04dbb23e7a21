import { cookie, secret, sessionOf } from "./session-data.mjs";

/** The session middleware of each contender, each set up as its own documentation says. Packages are loaded by who needs them. */
export const contenders = {
  async ours(redisUrl) {
    const { createFleet } = await import("express-fleet");
    const fleet = createFleet({ backend: redisUrl, namespace: "bench" });
    await fleet.ready();
    return fleet.sessions.middleware({ secret, cookie });
  },

  /** No sessions at all: a signed-in request is one with a cookie, and all of them share one object. */
  async bare() {
    const shared = sessionOf(0);
    return (request, response, next) => {
      request.session = request.headers.cookie === undefined ? {} : shared;
      if (request.path.startsWith("/sessions/")) response.cookie("sid", `bare-${"0".repeat(70)}`, cookie);
      next();
    };
  },

  async "memory-store"() {
    return expressSession();
  },

  async "connect-redis-9"(redisUrl) {
    return expressSession(await connectRedis9(redisUrl));
  },

  async "connect-redis-9-notouch"(redisUrl) {
    return expressSession(await connectRedis9(redisUrl, { disableTouch: true }));
  },

  async "connect-redis-8"(redisUrl) {
    const { RedisStore } = await import("connect-redis-8");
    const { Redis } = await import("ioredis");
    return expressSession(new RedisStore({ client: new Redis(redisUrl) }));
  },
};

async function connectRedis9(redisUrl, options = {}) {
  const { RedisStore } = await import("connect-redis-9");
  const { createClient } = await import("redis");
  const client = await createClient({ url: redisUrl }).on("error", console.error).connect();
  return new RedisStore({ client, ...options });
}

async function expressSession(store) {
  const { default: session } = await import("express-session");
  return session({ ...(store && { store }), secret, cookie, resave: false, saveUninitialized: false });
}
