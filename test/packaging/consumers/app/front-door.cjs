// Prints whether ioredis is loaded: after the package was, and after a fleet on a Redis backend was made.
const { setTimeout: wait } = require("node:timers/promises");

const isLoaded = () => Object.keys(require.cache).some((file) => /[\\/]node_modules[\\/]ioredis[\\/]/.test(file));

async function main(load) {
  const { createFleet } = await load();
  const seen = { front: isLoaded() };
  const memory = createFleet({ backend: "memory", logger: false });
  await memory.ready();
  await memory.close();
  seen.memory = isLoaded();
  const redis = createFleet({ backend: "redis://127.0.0.1:1", logger: false });
  for (const deadline = Date.now() + 10_000; !isLoaded() && Date.now() < deadline;) await wait(10);
  seen.redis = isLoaded();
  await redis.close();
  console.log(JSON.stringify(seen));
}

main(process.argv[2] === "import" ? () => import("express-fleet") : async () => require("express-fleet"));
