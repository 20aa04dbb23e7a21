import { connect } from "node:net";

/** Commands that counting itself sends. */
const own = new Set(["info", "command", "command|info", "echo", "monitor"]);

/** A redis-server that one contender has for itself, with counters of its commands. */
export class RedisUnderTest {
  #server;
  #writing = new Map();

  constructor(server) {
    this.#server = server;
  }

  get url() {
    return `redis://${this.#server.host}:${this.#server.port}`;
  }

  /** How often each command has run since the server's start, by its name; those inside scripts are counted too. */
  async commandCounts() {
    const counts = new Map();
    for (const [field, text] of await this.#server.info("commandstats")) {
      const name = field.replace(/^cmdstat_/, "");
      if (!own.has(name)) counts.set(name, Number(/^calls=(\d+)/.exec(text)?.[1]));
    }
    return counts;
  }

  /** CPU time that the server has used since its start, in microseconds. */
  async cpuTime() {
    const used = new Map(await this.#server.info("cpu"));
    return (Number(used.get("used_cpu_user")) + Number(used.get("used_cpu_sys"))) * 1e6;
  }

  /** What ran between two counts, and how much of it the server itself calls a write. */
  async difference(before, after) {
    const commands = new Map();
    let writes = 0;
    for (const [name, count] of after) {
      const run = count - (before.get(name) ?? 0);
      if (run === 0) continue;
      commands.set(name, run);
      if (await this.#isWrite(name)) writes += run;
    }
    return { commands, writes };
  }

  /** Runs an action with MONITOR and counts the commands that clients sent meanwhile; those inside scripts are not counted. */
  async countSent(action) {
    const monitor = await Monitor.open(this.#server);
    try {
      await action();
      const mark = `mark-${process.pid}-${performance.now()}`;
      await this.#server.command("ECHO", mark);
      return await monitor.countUntil(mark);
    } finally {
      monitor.close();
    }
  }

  async #isWrite(name) {
    let writing = this.#writing.get(name);
    if (writing === undefined) {
      const [description] = await this.#server.command("COMMAND", "INFO", name);
      writing = (description?.[2] ?? []).includes("write");
      this.#writing.set(name, writing);
    }
    return writing;
  }
}

/** A connection in MONITOR mode. */
class Monitor {
  #socket;
  #text = "";
  #closed;
  #onData = () => {};

  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      this.#text += text;
      this.#onData();
    });
    for (const event of ["error", "close"]) {
      socket.on(event, (error) => {
        this.#closed ??= error instanceof Error ? error : new Error("the MONITOR connection was closed");
        this.#onData();
      });
    }
  }

  static async open({ host, port }) {
    const monitor = new Monitor(connect({ host, port }));
    monitor.#socket.write("MONITOR\r\n");
    await monitor.#until(() => monitor.#text.startsWith("+OK\r\n"));
    return monitor;
  }

  /** The number of commands that came over connections before one that carries the mark. */
  async countUntil(mark) {
    await this.#until(() => this.#text.includes(mark));
    const lines = this.#text.slice(0, this.#text.indexOf(mark)).split("\r\n");
    const sent = lines.map((line) => /^\+\S+ \[\d+ (?!lua)\S+\] "([^"]+)"/.exec(line)?.[1].toLowerCase());
    return sent.filter((name) => name !== undefined && !own.has(name)).length;
  }

  close() {
    this.#socket.destroy();
  }

  #until(condition) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("MONITOR showed nothing for 10 s")), 10_000);
      this.#onData = () => {
        const done = condition();
        if (!done && this.#closed === undefined) return;
        clearTimeout(timer);
        this.#onData = () => {};
        if (done) resolve();
        else reject(this.#closed);
      };
      this.#onData();
    });
  }
}
