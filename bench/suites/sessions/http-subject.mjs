import { strict as assert } from "node:assert";
import { loadServer } from "../../harness/http-load.mjs";
import { sessionOf } from "./session-data.mjs";

const connections = 64;

const routes = {
  read: { line: "GET /read", signedIn: true },
  write: { line: "POST /write", signedIn: true },
  "no-cookie": { line: "GET /anonymous", signedIn: false },
};

/** One contender's app under load. */
export class HttpSubject {
  #name;
  #app;
  #redis;
  #effort;
  #requests = [];
  #sent;

  constructor({ name, process, redis, effort }) {
    this.#name = name;
    this.#app = process;
    this.#redis = redis;
    this.#effort = effort;
  }

  /** Signs in one session per connection, checks that they behave, counts what a request sends to Redis, and warms up. */
  async prepare(scenario) {
    const { line, signedIn } = routes[scenario.name];
    const users = Array.from({ length: connections }, (_, number) => number);
    const cookies = await Promise.all(users.map((number) => this.#signIn(number)));
    await this.#verify(cookies);
    const [method, path] = line.split(" ");
    const ask = (cookie) => this.#fetch(method, path, signedIn ? cookie : undefined);
    if (this.#redis !== undefined) {
      this.#sent = (await this.#redis.countSent(() => Promise.all(cookies.map(ask)))) / connections;
    }
    this.#requests = cookies.map((cookie) => this.#bytesOf(line, signedIn ? cookie : undefined));
    await this.#load({ settle: 0, seconds: this.#effort.warmUp });
  }

  /** One round. Everything but `value` is of the whole load, so that counts and requests match exactly. */
  async measure() {
    const commandsBefore = await this.#redis?.commandCounts();
    const timeBefore = await this.#app.cpuTime();
    const { perSecond, total, wall, loadShare } = await this.#load(this.#effort);
    const appTime = (await this.#app.cpuTime()) - timeBefore;
    const redis = await this.#redis?.difference(commandsBefore, await this.#redis.commandCounts());
    return { value: perSecond, total, loadShare, appTime, appShare: appTime / wall, redis, sent: this.#sent };
  }

  async #load({ settle, seconds }) {
    try {
      return await loadServer({ port: this.#app.port, requests: this.#requests, settle, seconds });
    } catch (error) {
      throw this.#failure(error.message, error);
    }
  }

  /** The app's own words are most often the reason. */
  #failure(message, cause) {
    const { errors } = this.#app;
    return new Error(errors === "" ? message : `${message}; the app wrote:\n${errors}`, { cause });
  }

  async #signIn(number) {
    const response = await this.#fetch("POST", `/sessions/${number}`);
    const [cookie] = response.cookies;
    assert(cookie, "signing in set no cookie");
    return cookie.split(";")[0];
  }

  /** A contender that does not keep sessions must not win. */
  async #verify(cookies) {
    const last = cookies.length - 1;
    const read = await this.#fetch("GET", "/read", cookies[last]);
    const visits = [];
    for (let visit = 0; visit < 2; visit += 1) {
      visits.push((await this.#fetch("POST", "/write", cookies[last])).body.visits);
    }
    const anonymous = await this.#fetch("GET", "/anonymous");
    assert.equal(visits[1], visits[0] + 1, "a write was not there in the next request");
    assert.deepEqual(anonymous, { body: { signedIn: false }, cookies: [] });
    if (this.#name !== "bare") assert.equal(read.body.userId, sessionOf(last).userId);
  }

  async #fetch(method, path, cookie) {
    const headers = cookie === undefined ? {} : { cookie };
    const url = `http://127.0.0.1:${this.#app.port}${path}`;
    const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(10_000) }).catch((cause) => {
      throw this.#failure(`${method} ${path}: ${cause.message}`, cause);
    });
    const text = await response.text();
    if (response.status !== 200) throw this.#failure(`${method} ${path} was answered ${response.status}: ${text}`);
    return { body: JSON.parse(text), cookies: response.headers.getSetCookie() };
  }

  #bytesOf(line, cookie) {
    const head = [`${line} HTTP/1.1`, `Host: 127.0.0.1:${this.#app.port}`];
    if (line.startsWith("POST")) head.push("Content-Length: 0");
    if (cookie !== undefined) head.push(`Cookie: ${cookie}`);
    return Buffer.from(`${head.join("\r\n")}\r\n\r\n`);
  }
}
