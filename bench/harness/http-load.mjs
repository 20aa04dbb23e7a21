import { once } from "node:events";
import { connect } from "node:net";

const silence = 10_000;
const headEnd = Buffer.from("\r\n\r\n");

/**
 * Loads a server on this machine with one connection per given request: each sends its request again as soon as the
 * answer is complete. It rejects at the first answer that is not a 200, at a broken connection, and after 10 s of silence.
 *
 * After `settle` seconds the answers of `seconds` seconds are counted; `total` counts those before and after that too.
 */
export async function loadServer({ port, requests, settle, seconds }) {
  const load = new Load(port, requests);
  try {
    return await load.run(settle, seconds);
  } finally {
    load.end();
  }
}

class Load {
  #connections;
  #answers = 0;
  #sending = true;
  #busy = 0;
  #fail;
  #drained = () => {};
  #failed = new Promise((_, reject) => (this.#fail = reject));

  constructor(port, requests) {
    const onAnswer = (connection) => this.#answered(connection);
    this.#connections = requests.map((request) => new Connection(port, request, onAnswer, this.#fail));
  }

  async run(settle, seconds) {
    const watch = this.#watchForSilence();
    try {
      return await Promise.race([this.#failed, this.#run(settle, seconds)]);
    } finally {
      clearInterval(watch);
    }
  }

  end() {
    for (const connection of this.#connections) connection.end();
  }

  async #run(settle, seconds) {
    await Promise.all(this.#connections.map((connection) => connection.connected));
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    this.#busy = this.#connections.length;
    for (const connection of this.#connections) connection.send();
    await pause(settle);
    const measuredFrom = { time: performance.now(), answers: this.#answers };
    await pause(seconds);
    const elapsed = (performance.now() - measuredFrom.time) / 1000;
    const perSecond = (this.#answers - measuredFrom.answers) / elapsed;
    await this.#drain();
    const cpu = process.cpuUsage(cpuBefore);
    const wall = (performance.now() - began) * 1000;
    return { perSecond, total: this.#answers, wall, loadShare: (cpu.user + cpu.system) / wall };
  }

  #answered(connection) {
    this.#answers += 1;
    if (this.#sending) {
      connection.send();
      return;
    }
    this.#busy -= 1;
    if (this.#busy === 0) this.#drained();
  }

  #drain() {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#sending = false;
    });
  }

  #watchForSilence() {
    let seen = -1;
    return setInterval(() => {
      if (this.#answers === seen) this.#fail(new Error(`no answer came for ${silence / 1000} s`));
      seen = this.#answers;
    }, silence);
  }
}

/** One keep-alive connection with at most one request under way. */
class Connection {
  #socket;
  #request;
  #onAnswer;
  #onFailure;
  /** The beginning of a head that has come in pieces. */
  #partial;
  /** Bytes of the body still to come. */
  #missing = 0;

  constructor(port, request, onAnswer, onFailure) {
    this.#request = request;
    this.#onAnswer = onAnswer;
    this.#onFailure = onFailure;
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.connected = once(this.#socket, "connect");
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.on("error", onFailure);
    this.#socket.on("close", () => onFailure(new Error("the server closed a connection under load")));
  }

  send() {
    this.#socket.write(this.#request);
  }

  end() {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #read(chunk) {
    try {
      if (this.#isComplete(chunk)) this.#onAnswer(this);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #isComplete(chunk) {
    if (this.#missing > 0) {
      this.#missing -= chunk.length;
    } else {
      const text = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk]);
      const end = text.indexOf(headEnd);
      this.#partial = end < 0 ? text : undefined;
      if (end < 0) return false;
      this.#missing = bodyLength(text, end) - (text.length - end - headEnd.length);
    }
    if (this.#missing < 0) throw new Error("the server sent more than one answer to one request");
    return this.#missing === 0;
  }
}

function bodyLength(text, end) {
  const head = text.latin1Slice(0, end);
  if (!head.startsWith("HTTP/1.1 200 ")) {
    throw new Error(`the server answered ${JSON.stringify(text.latin1Slice(0, 500))} under load, not 200`);
  }
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer has no Content-Length: ${JSON.stringify(head)}`);
  return Number(length);
}

function pause(seconds) {
  return new Promise((resolve) => void setTimeout(resolve, seconds * 1000));
}
