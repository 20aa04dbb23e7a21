/**
 * How each contender takes a lock, set up as its own documentation says. `acquire` resolves to the function that releases;
 * `gaveUp` tells an error that says that the lock was not to be had in time. Packages are loaded by who needs them.
 */
export const contenders = {
  async ours(redisUrl) {
    const { createFleet, LockTimeoutError } = await import("express-fleet");
    const { locks } = createFleet({ backend: redisUrl, namespace: "bench" });
    // A server that has just started grants nothing for half a minute.
    await (await locks.acquire("start", { wait: "1m" })).release();
    return {
      async acquire(name) {
        const lock = await locks.acquire(name);
        return () => lock.release();
      },
      gaveUp: (error) => error instanceof LockTimeoutError,
    };
  },

  async "redis-semaphore"(redisUrl) {
    const { Mutex, TimeoutError } = await import("redis-semaphore");
    const client = await connect(redisUrl);
    return {
      async acquire(name) {
        const mutex = new Mutex(client, name);
        await mutex.acquire();
        return () => mutex.release();
      },
      gaveUp: (error) => error instanceof TimeoutError,
    };
  },

  async redlock(redisUrl) {
    const { default: Redlock, ExecutionError, ResourceLockedError } = await import("redlock");
    const redlock = new Redlock([await connect(redisUrl)]);
    redlock.on("error", (error) => {
      if (!(error instanceof ResourceLockedError)) console.error(error);
    });
    return {
      async acquire(name) {
        const lock = await redlock.acquire([name], 15_000);
        return () => lock.release();
      },
      gaveUp: (error) => error instanceof ExecutionError,
    };
  },
};

async function connect(redisUrl) {
  const { Redis } = await import("ioredis");
  const client = new Redis(redisUrl);
  await client.ping();
  return client;
}
