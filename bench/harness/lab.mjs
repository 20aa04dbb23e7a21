import { startChild } from "../../build/test/support/child.js";
import { findServer } from "../../build/test/support/servers/find-server.js";
import { startTopology } from "../../build/test/support/servers/topology.js";
import { pin } from "./cores.mjs";
import { RedisUnderTest } from "./redis-under-test.mjs";

const lifetime = 3_600_000;

/** Where a suite runs: it starts apps and servers on their cores and ends all of them, however the run ends. */
export class Lab {
  /** What the servers were, for the report; undefined while none was started. */
  redisVersion;
  #running = [];
  #closing;

  constructor(cores) {
    this.cores = cores;
  }

  /** Starts a redis-server without persistence. */
  async startRedis() {
    const { product, version } = await findServer();
    const topology = await startTopology("single");
    this.#running.push(() => topology.stop());
    this.redisVersion = product === "redis" ? version : `${product} ${version}`;
    return new RedisUnderTest(topology.server);
  }

  /** Starts a script that listens and sends `{ port }`, on the app's core, as a production app would run. */
  async startApp(script, words) {
    const child = this.#start(script, words);
    const { port } = await child.message((message) => typeof message?.port === "number", { deadline: 30_000 });
    pin(child.pid, this.cores.app);
    return new AppProcess(child, port);
  }

  /** Starts a script that sends `{ ready }` and answers each task with `{ result }` or `{ failure }`, on the app's core too. */
  async startWorker(script, words) {
    const child = this.#start(script, words);
    await child.message((message) => message?.ready === true, { deadline: 90_000 });
    pin(child.pid, this.cores.app);
    return new WorkerProcess(child);
  }

  /** Ends everything, the latest first. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #start(script, words) {
    const child = startChild(script, { arguments: words, environment: appEnvironment(), lifetime });
    this.#running.push(() => child.stop());
    return child;
  }

  async #close() {
    for (const stop of this.#running.reverse()) {
      await stop().catch((error) => console.error(`Something was not ended: ${error.message}`));
    }
  }
}

/** An app under test in a process of its own. */
class AppProcess {
  #child;

  constructor(child, port) {
    this.#child = child;
    this.port = port;
  }

  /** What it has written to its standard error, for messages. */
  get errors() {
    return this.#child.stderr.trim();
  }

  /** CPU time that it has used since its start, in microseconds. */
  async cpuTime() {
    if (!this.#child.running) {
      const { code, signal } = await this.#child.exited;
      throw new Error(`the app has ended (${signal ?? `code ${code}`}); it wrote:\n${this.errors}`);
    }
    const after = this.#child.messages.length;
    await this.#child.send("cpu-time");
    const { cpuTime } = await this.#child.message((message) => typeof message?.cpuTime === "number", { after });
    return cpuTime;
  }
}

/** A process that does one task after the other. */
class WorkerProcess {
  #child;

  constructor(child) {
    this.#child = child;
  }

  /** Resolves to the result of a task; rejects with what the process says of its failure. */
  async run(task, options = {}) {
    const after = this.#child.messages.length;
    await this.#child.send({ task, ...options });
    const isAnswer = (message) => message !== null && typeof message === "object";
    const { result, failure } = await this.#child.message(isAnswer, { after, deadline: 120_000 });
    if (failure !== undefined) throw new Error(`${task}: ${failure}`);
    return result;
  }
}

/** What the user has set for other purposes must not reach the apps: a DEBUG would slow some of them down, a FLEET_CONFIG change one. */
function appEnvironment() {
  const foreign = /^(DEBUG|NODE_OPTIONS|CLUSTER_ENABLED|EXTERNAL_URL|FLEET_.*|REDIS_.*)$/;
  const removed = Object.keys(process.env).filter((name) => foreign.test(name));
  return { ...Object.fromEntries(removed.map((name) => [name, undefined])), NODE_ENV: "production" };
}
