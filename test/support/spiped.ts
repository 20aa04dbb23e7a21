import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { guard, unguard } from "./guardian.js";
import { freePort } from "./servers/free-port.js";
import { addressOf, type ServerAddress } from "./servers/running-topology.js";
import { until } from "./until.js";

/** Encrypted tunnels, two spiped processes for each server: one beside the server, one beside the clients. */
export class SpipedTunnels {
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];
  /** Where clients reach each server, by `host:port` of the server. */
  readonly entrances: Readonly<Record<string, ServerAddress>>;

  private constructor(directory: string, entrances: Readonly<Record<string, ServerAddress>>) {
    this.#directory = directory;
    this.entrances = entrances;
  }

  /** Starts a tunnel to each server; installs spiped when it is missing and this process may. Rejects when one does not come up. */
  static async start(servers: readonly ServerAddress[]): Promise<SpipedTunnels> {
    await provideSpiped();
    const directory = await mkdtemp(join(tmpdir(), "express-fleet-spiped-"));
    const key = join(directory, "key");
    await writeFile(key, randomBytes(32));
    const entrances: Record<string, ServerAddress> = {};
    const tunnels = new SpipedTunnels(directory, entrances);
    try {
      for (const server of servers) {
        const exit = { host: "127.0.0.1", port: await freePort() };
        const entrance = { host: "127.0.0.1", port: await freePort() };
        tunnels.#run(["-d", "-s", bracketed(exit), "-t", bracketed(server), "-k", key, "-F"]);
        tunnels.#run(["-e", "-s", bracketed(entrance), "-t", bracketed(exit), "-k", key, "-F"]);
        entrances[`${server.host}:${server.port}`] = addressOf(entrance);
      }
      await Promise.all(Object.values(entrances).map((entrance) => listens(entrance)));
      return tunnels;
    } catch (error) {
      await tunnels.stop();
      throw error;
    }
  }

  /** Whether a local port belongs to one of the tunnels' own sockets, as Linux' /proc tells. */
  async owns(port: number): Promise<boolean> {
    const table = await readFile("/proc/net/tcp", "utf8");
    const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const inodes = table.split("\n").flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[1]?.endsWith(local) === true ? [`socket:[${fields[9]}]`] : [];
    });
    for (const { pid } of this.#children) {
      if (pid === undefined) continue;
      for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
        const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
        if (inodes.includes(target)) return true;
      }
    }
    return false;
  }

  /** Ends all of them and removes the key. */
  async stop(): Promise<void> {
    for (const child of this.#children) {
      child.kill("SIGKILL");
      unguard(`spiped ${child.pid}`);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  #run(args: readonly string[]): void {
    const child = spawn("spiped", args, { stdio: "ignore", detached: true });
    // A start that fails is found by the wait for its entrance.
    child.on("error", () => undefined);
    child.unref();
    this.#children.push(child);
    if (child.pid !== undefined) guard(`spiped ${child.pid}`, child.pid);
  }
}

async function provideSpiped(): Promise<void> {
  if (await runs("spiped", ["-v"])) return;
  if (process.getuid?.() === 0 && (await runs("apt-get", ["--version"]))) {
    console.error("spiped is missing: installing it with apt-get");
    await promisify(execFile)("apt-get", ["install", "-y", "--no-install-recommends", "spiped"]);
    return;
  }
  throw new Error(
    "spiped is missing; install it (Debian, Ubuntu: sudo apt-get install spiped; macOS: brew install spiped)",
  );
}

async function runs(program: string, args: readonly string[]): Promise<boolean> {
  return promisify(execFile)(program, args, { timeout: 10_000 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}

async function listens({ host, port }: ServerAddress): Promise<void> {
  const dial = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  await until(dial, { what: `the tunnel at port ${port}` });
}

function bracketed({ host, port }: ServerAddress): string {
  return `[${host}]:${port}`;
}
