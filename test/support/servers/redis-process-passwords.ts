import type { RedisProcess } from "./redis-process.js";

/**
 * Ends servers together and starts them again with another password: data servers first, so that the sentinels find them up.
 * Resolves when all of them answer.
 */
export async function restartWithPassword(servers: readonly RedisProcess[], from: string, to: string): Promise<void> {
  await Promise.all(servers.map((server) => server.kill("SIGTERM")));
  await Promise.all(servers.map((server) => server.changePassword(from, to)));
  for (const role of ["data", "sentinel"] as const) {
    await Promise.all(servers.filter((server) => server.role === role).map((server) => server.restart()));
  }
}
