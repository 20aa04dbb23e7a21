import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { administratorTls, type TlsFiles } from "../certificates.js";
import { RespClient, type RespClientOptions } from "../resp-client.js";
import type { RespValue } from "../resp-parser.js";
import { until } from "../until.js";
import { findServer } from "./find-server.js";
import { freePort } from "./free-port.js";
import { guard, unguard } from "../guardian.js";

/** A server's own certificate, with which it also dials others. It then has no port that is spoken to in plain text. */
export interface ServerTls extends TlsFiles {
  /** Default true: whoever dials must have a certificate of the same authority. */
  readonly clientCertificates?: boolean;
}

/** How one server is started; everything that is left out has the server's default, without any persistence. */
export interface RedisProcessOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly role?: "data" | "sentinel";
  /** More lines of the configuration file; they win over ours. */
  readonly config?: readonly string[];
  /** `appendonly yes` with `appendfsync always`: nothing acknowledged is lost by a restart. */
  readonly appendOnly?: boolean;
  /** For example "64mb"; the policy is noeviction. */
  readonly maxMemory?: string;
  /** The default user's password, and the one with which it authenticates to a primary. */
  readonly password?: string;
  readonly tls?: ServerTls;
  /** Users of an access list (server 6 or later), for example "app on >secret ~app:* +@all". */
  readonly users?: readonly string[];
}

/** One redis-server or valkey-server on 127.0.0.1 with a temporary folder of its own. It ends when this process ends, however that comes. */
export class RedisProcess {
  readonly host: string = "127.0.0.1";
  readonly role: "data" | "sentinel";
  readonly directory: string;
  readonly #tls: ServerTls | undefined;
  #port: number;
  #password: string | undefined;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #client: Promise<RespClient> | undefined;

  private constructor(port: number, directory: string, options: RedisProcessOptions) {
    this.#port = port;
    this.directory = directory;
    this.role = options.role ?? "data";
    this.#password = options.password;
    this.#tls = options.tls;
  }

  /** Starts a server and resolves when it answers. Rejects with its log when it does not within 10 s. */
  static async start(options: RedisProcessOptions = {}): Promise<RedisProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await freePort());
      const directory = await mkdtemp(join(tmpdir(), "express-fleet-redis-"));
      const server = new RedisProcess(port, directory, options);
      try {
        await writeFile(server.#configFile, configuration(port, directory, options));
        await server.#launch();
        return server;
      } catch (error) {
        const portWasTaken = /address already in use|failed listening/i.test(server.log());
        await server.stop();
        if (!portWasTaken || options.port !== undefined || attempt === 5) throw error;
      }
    }
  }

  get port(): number {
    return this.#port;
  }

  /** The process id; undefined while the server is not running. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Address and password for a client of one's own. */
  get address(): RespClientOptions {
    const tls = this.#tls === undefined ? undefined : administratorTls(this.#tls);
    return { host: this.host, port: this.port, password: this.#password, tls };
  }

  /** Sends an administrative command as the default user. Rejects when the server is away or does not answer within 5 s. */
  async command(...words: (string | number)[]): Promise<RespValue> {
    let client = await this.#client?.catch(() => undefined);
    if (client === undefined || !client.open) {
      this.#client = RespClient.connect(this.address);
      client = await this.#client;
    }
    return client.command(...words);
  }

  /** The fields of INFO, or of one section of it. */
  async info(section?: string): Promise<Map<string, string>> {
    return parseInfo(await this.command("INFO", ...(section === undefined ? [] : [section])));
  }

  /** The last lines that the server wrote. */
  log(lines = 40): string {
    try {
      return readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    } catch {
      return "";
    }
  }

  /** Ends the server, by default with SIGKILL, and resolves when its process is gone. The folder stays, for `restart`. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.ref();
    child.kill("SIGCONT");
    if (signal === "SIGKILL" && child.pid !== undefined) killGroup(child.pid);
    else child.kill(signal);
    await this.#exited;
  }

  /** Freezes the server: its sockets stay open, nothing is answered. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Lets a frozen server go on. */
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Starts the server again in its folder, after ending it with SIGTERM when it still runs; with other settings, if any are given. */
  async restart({ port = this.#port, config = [] }: Pick<RedisProcessOptions, "port" | "config"> = {}): Promise<void> {
    await this.kill("SIGTERM");
    const lines = [
      ...(port === this.#port ? [] : [`${this.#tls === undefined ? "port" : "tls-port"} ${port}`]),
      ...config,
    ];
    this.#port = port;
    if (lines.length > 0) await appendFile(this.#configFile, `${lines.join("\n")}\n`);
    await this.#launch();
  }

  /**
   * Has another password stand, from the next start on, wherever the configuration has this one: its own, and those with
   * which it authenticates to others. Throws while the server runs: a sentinel would write over it.
   */
  async changePassword(from: string, to: string): Promise<void> {
    if (this.running) throw new Error(`the server on port ${this.port} runs; end it before its password is changed`);
    const text = await readFile(this.#configFile, "utf8");
    // What a server has rewritten itself, as sentinels and what they watch do, has the default user's password as a hash too.
    await writeFile(this.#configFile, text.replaceAll(from, to).replaceAll(sha256(from), sha256(to)));
    if (this.#password === from) this.#password = to;
  }

  /** Ends the server and removes its folder. */
  async stop(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.close();
    await this.kill("SIGKILL");
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    unguard(this.directory);
  }

  get #configFile(): string {
    return join(this.directory, "server.conf");
  }

  get #logFile(): string {
    return join(this.directory, "server.log");
  }

  async #launch(): Promise<void> {
    guard(this.directory, 0, this.directory);
    const { path } = await findServer();
    const output = openSync(this.#logFile, "a");
    // A group of its own: Ctrl-C in a terminal reaches the whole group, and the demo wants its servers until its instances are closed.
    const child = spawn(path, [this.#configFile, ...(this.role === "sentinel" ? ["--sentinel"] : [])], {
      cwd: this.directory,
      detached: true,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    this.#child = child;
    if (child.pid !== undefined) guard(this.directory, child.pid, this.directory);
    this.#exited = new Promise((resolve) => {
      const gone = (): void => {
        this.#child = undefined;
        guard(this.directory, 0, this.directory);
        resolve();
      };
      child.once("exit", gone);
      child.once("error", gone);
    });
    child.unref();
    await this.#answering(child);
  }

  async #answering(child: ChildProcess): Promise<void> {
    const state = await until(() => (this.#child === child ? this.#isReady(child) : "ended"), {
      what: `${this.role} server on port ${this.port} to answer`,
    }).catch((error: Error) => error.message);
    if (state === "ready") return;
    throw new Error(`the ${this.role} server on port ${this.port} did not start (${state}); its log:\n${this.log()}`);
  }

  async #isReady(child: ChildProcess): Promise<"ready" | undefined> {
    if ((await this.command("PING")) !== "PONG") return undefined;
    // A foreign server may have taken the port first.
    const info = await this.info("server");
    return info.get("process_id") === String(child.pid) ? "ready" : undefined;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

// The whole group: a server forks to save or to sync a replica, and that process would outlive it.
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It ended by itself meanwhile; the event "exit" is on its way.
  }
}

/** The fields of an answer to INFO or CLUSTER INFO. */
export function parseInfo(answer: RespValue): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of String(answer).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function configuration(port: number, directory: string, options: RedisProcessOptions): string {
  const lines = [
    "bind 127.0.0.1",
    ...portConfiguration(port, options.tls),
    `dir ${directory}`,
    "daemonize no",
    'logfile ""',
  ];
  if (options.password !== undefined) lines.push(`requirepass ${options.password}`);
  if (options.role !== "sentinel") lines.push(...dataConfiguration(options));
  return `${[...lines, ...(options.config ?? [])].join("\n")}\n`;
}

function portConfiguration(port: number, tls: ServerTls | undefined): string[] {
  if (tls === undefined) return [`port ${port}`];
  return [
    "port 0",
    `tls-port ${port}`,
    `tls-ca-cert-file ${tls.caFile}`,
    `tls-cert-file ${tls.certFile}`,
    `tls-key-file ${tls.keyFile}`,
    `tls-auth-clients ${tls.clientCertificates === false ? "no" : "yes"}`,
    "tls-replication yes",
    "tls-cluster yes",
  ];
}

function dataConfiguration(options: RedisProcessOptions): string[] {
  const lines = ['save ""', "repl-diskless-sync yes", "repl-diskless-sync-delay 0"];
  if (options.appendOnly === true) lines.push("appendonly yes", "appendfsync always");
  if (options.maxMemory !== undefined) lines.push(`maxmemory ${options.maxMemory}`, "maxmemory-policy noeviction");
  if (options.password !== undefined) lines.push(`masterauth ${options.password}`);
  for (const user of options.users ?? []) lines.push(`user ${user}`);
  return lines;
}
