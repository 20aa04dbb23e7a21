import { createServer } from "node:net";

const lowest = 10_240;
const highest = 19_999;
const handedOut = new Set<number>();

/**
 * A loopback port that is free now, with its cluster bus port (+10 000).
 * It lies below the range from which systems take the ports of outgoing connections: a port of that range may be taken
 * by any client while a server restarts, and a client that dials it meanwhile may even connect to itself.
 * No port is handed out twice by one process; another process may still take it first, so a server's start is retried.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (handedOut.has(port)) continue;
    if ((await isFree(port)) && (await isFree(port + 10_000))) {
      handedOut.add(port);
      return port;
    }
  }
  throw new Error(`no free loopback port between ${lowest} and ${highest} was found in 1000 attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
