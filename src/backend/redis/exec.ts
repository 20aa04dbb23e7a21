import { backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import {
  ClosedError,
  FleetError,
  OverloadedError,
  PermissionError,
  StorageFullError,
  TimeoutError,
  UnavailableError,
  type Executed,
} from "../../core/errors.js";
import type { Connection } from "./connection.js";
import type { Node } from "./node.js";
import { classify, type ReplyError } from "./reply-errors.js";
import type { Lane, Request } from "./request.js";
import type { Router } from "./router.js";

/** Counted since start. */
export interface ExecCounters {
  calls: number;
  pending: number;
  retries: number;
  timeouts: number;
  refused: number;
  redirects: number;
}

export interface ExecOptions {
  readonly clock: Clock;
  readonly maxPending: number;
  /** Lines for the help of a `PermissionError`. */
  readonly acl: string;
  /** Told when a connected server does not do what it is asked for, and why. */
  readonly onTrouble: (what: "full" | "permission" | "not-now", reason: string) => void;
}

const probeEvery = 500;
const again = { base: 20, cap: 200 };
const maxRedirects = 16;
const maxKills = 2;
/** Refusals that pass by themselves only when somebody does something; the others are part of every failover. */
const lasting: ReadonlySet<string> = new Set(["NOREPLICAS", "BUSY"]);

/**
 * Carries every call to its end: by its deadline there is a reply or a `FleetError`, whatever servers and sockets do.
 *
 * It writes to a connection only while that is ready, sends again what was lost with a connection (scripts recognise
 * their resends), follows redirects, waits for failovers, and stops waiting when the node's breaker is open.
 */
export class Exec {
  readonly router: Router;
  readonly options: ExecOptions;
  readonly counters: ExecCounters = { calls: 0, pending: 0, retries: 0, timeouts: 0, refused: 0, redirects: 0 };
  /** A list that needs no table: one that thousands of calls a second come to and leave is rebuilt all the time. */
  #live: Call<unknown> | undefined;
  readonly #waiting = new Set<Call<unknown>>();
  #phase: "open" | "draining" | "closed" = "open";

  constructor(router: Router, options: ExecOptions) {
    this.router = router;
    this.options = options;
  }

  get phase(): "open" | "draining" | "closed" {
    return this.#phase;
  }

  run<T>(request: Request<T>): Promise<T> {
    this.counters.calls += 1;
    if (this.#phase === "closed") return Promise.reject(new ClosedError());
    if (this.counters.pending >= this.options.maxPending) {
      this.counters.refused += 1;
      return Promise.reject(
        new OverloadedError(
          `${this.counters.pending} calls are pending in this process, ${request.name} was not sent`,
          {
            help: "raise maxPending, or send less while the backend is slow",
          },
        ),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const call = new Call<T>(this, request, resolve, reject);
      this.#link(call as Call<unknown>);
      this.counters.pending += 1;
      call.begin();
    });
  }

  /** A node, the topology or a breaker changed: calls that wait look again. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    const calls = [...this.#waiting];
    this.#waiting.clear();
    for (const call of calls) call.step();
  }

  /** From now on a call fails instead of waiting. */
  drain(): void {
    if (this.#phase === "open") this.#phase = "draining";
    this.wake();
  }

  /** Ends every call; what was sent is `maybe`. */
  close(): void {
    this.#phase = "closed";
    for (let call = this.#live; call !== undefined; call = this.#live)
      call.end(new ClosedError(undefined, { executed: call.executed }));
  }

  /** @internal */
  await(call: Call<unknown>): void {
    this.#waiting.add(call);
  }

  /** @internal */
  done(call: Call<unknown>): void {
    if (call.previous === undefined) this.#live = call.next;
    else call.previous.next = call.next;
    if (call.next !== undefined) call.next.previous = call.previous;
    call.previous = undefined;
    call.next = undefined;
    if (this.#waiting.size > 0) this.#waiting.delete(call);
    this.counters.pending -= 1;
  }

  #link(call: Call<unknown>): void {
    call.next = this.#live;
    if (this.#live !== undefined) this.#live.previous = call;
    this.#live = call;
  }
}

/** One request on its way. */
class Call<T> {
  /** Among those that are on their way. */
  previous: Call<unknown> | undefined;
  next: Call<unknown> | undefined;
  readonly #exec: Exec;
  readonly #request: Request<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: Error) => void;
  readonly #deadline: Timer;
  #pause: Timer | undefined;
  #backoff: ReturnType<typeof backoff> | undefined;
  #settled = false;
  #inFlight: Node | undefined;
  #redirect: { readonly node: Node; readonly asking: boolean } | undefined;
  #redirects = 0;
  #kills = 0;
  #lost = false;
  #lastError: unknown;

  constructor(exec: Exec, request: Request<T>, resolve: (value: T) => void, reject: (error: Error) => void) {
    this.#exec = exec;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    // It keeps the process alive: a pending call always settles, and only then may the process end by itself.
    this.#deadline = exec.options.clock.setTimeout(() => this.#late(), request.deadline, { keepAlive: true });
  }

  get executed(): Executed {
    return this.#lost || this.#inFlight !== undefined ? this.#perhaps : "no";
  }

  /** Of a call that reached a server: one that only reads has changed nothing. */
  get #perhaps(): Executed {
    return this.#request.readOnly && this.#request.noticed !== true ? "no" : "maybe";
  }

  begin(): void {
    this.step();
  }

  /** Sends now if a node is ready, fails if it is known to be useless, waits otherwise. */
  step(): void {
    if (this.#settled) return;
    const { router } = this.#exec;
    const redirect = this.#redirect?.node.closed === true ? undefined : this.#redirect;
    const owner = redirect?.node ?? this.#route();
    const lane = this.#lane(owner);
    const node = lane?.node ?? owner;
    const { connection } = lane ?? owner ?? {};
    const breaker = owner?.breaker.open === true ? owner.breaker : (node?.breaker ?? router.breaker);
    const isFenced = router.fenced && !this.#request.readOnly;
    if (breaker.open && !(connection !== undefined && breaker.probe(probeEvery))) {
      this.#refuse(node);
    } else if (node === undefined || connection === undefined || isFenced) {
      // A lane that is busy, or opens, is not away.
      this.#wait(node, lane !== undefined && owner?.connection !== undefined && !isFenced);
    } else {
      this.#redirect = undefined;
      this.#attempt(node, connection, redirect?.asking ?? false, lane);
    }
  }

  #lane(owner: Node | undefined): Lane | undefined {
    return owner === undefined ? undefined : this.#request.lane?.(owner);
  }

  #route(): Node | undefined {
    const { router } = this.#exec;
    const node = router.route(this.#request.key);
    if (this.#request.anywhere !== true || node?.connection !== undefined) return node;
    return router.routed().find(({ connection }) => connection !== undefined) ?? node;
  }

  end(error: Error | undefined, value?: T): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#deadline.cancel();
    this.#pause?.cancel();
    this.#exec.done(this as Call<unknown>);
    if (error === undefined) this.#resolve(value as T);
    else this.#reject(error);
  }

  #attempt(node: Node, connection: Connection, asking: boolean, lane: Lane | undefined): void {
    this.#inFlight = node;
    const send = (): Promise<T> => this.#request.send(connection, asking);
    (lane === undefined ? send() : lane.run(send)).then(
      (value) => {
        this.#inFlight = undefined;
        node.breaker.success();
        this.end(undefined, value);
      },
      (error: unknown) => {
        this.#inFlight = undefined;
        if (!this.#settled) this.#judge(error, node, connection);
      },
    );
  }

  #judge(error: unknown, node: Node, connection: Connection): void {
    if (error instanceof FleetError) return this.#endInLane(error, node);
    const reply = classify(error);
    this.#lastError = error;
    if (reply.kind === "moved" || reply.kind === "ask") return this.#follow(reply, node);
    switch (reply.kind) {
      case "unsent":
        return this.#again();
      case "lost":
        return this.#loseReply(connection);
      case "again":
        if (reply.code === "CLUSTERDOWN" || reply.code === "MASTERDOWN") this.#exec.router.doubt();
        if (lasting.has(reply.code))
          this.#exec.options.onTrouble("not-now", `${node.id} refuses for the time being: ${reply.code}`);
        return this.#again();
      case "replica":
        this.#exec.router.doubt();
        node.kill(new Error(`${node.id} is a replica now`));
        return this.#again();
      case "auth":
        node.kill(error as Error);
        return this.#again();
      case "full":
        node.breaker.success();
        this.#exec.options.onTrouble("full", "a server refuses writes: storage full");
        return this.end(
          new StorageFullError(`${node.id} refuses writes: ${(error as Error).message}`, {
            cause: error,
            executed: this.executed,
            help:
              reply.code === "OOM"
                ? "give the server more memory (maxmemory), or remove what does not belong on it"
                : "the server cannot write to its disk: look at its log and at stop-writes-on-bgsave-error",
          }),
        );
      case "permission":
        this.#exec.options.onTrouble("permission", `${node.id} does not allow ${this.#name()}`);
        return this.end(
          new PermissionError(`${node.id} does not allow ${this.#name()}: ${(error as Error).message}`, {
            cause: error,
            // Inside a script the commands before the denied one have run.
            executed: reply.code === "NOPERM" ? this.executed : this.#perhaps,
            help: this.#exec.options.acl,
          }),
        );
      case "no-script":
        this.#exec.counters.retries += 1;
        return this.step();
      default:
        node.breaker.success();
        return this.end(
          new FleetError("ERR_FLEET_REPLY", `${node.id} answered ${this.#name()} with: ${(error as Error).message}`, {
            cause: error,
            executed: this.#perhaps,
          }),
        );
    }
  }

  /** The script was carried out; what the lane owes beside it was not. */
  #endInLane(error: FleetError, node: Node): void {
    node.breaker.success();
    if (error instanceof PermissionError) this.#exec.options.onTrouble("permission", error.message);
    this.end(error);
  }

  #loseReply(connection: Connection): void {
    const lostBefore = this.#lost;
    this.#lost = true;
    if (connection.killed) this.#kills += 1;
    // A call that came with two servers going silent may be what silences them.
    if (this.#kills >= maxKills) return this.#fail(`${this.#name()} was lost with the connection twice`);
    // A server that hangs up whenever it gets this call must not be dialled without a pause.
    if (lostBefore) return this.#again();
    this.#exec.counters.retries += 1;
    // The node's own end may follow this rejection; by the next turn it has a new connection or none.
    this.#pauseThenStep(0);
  }

  #follow(reply: Extract<ReplyError, { kind: "moved" | "ask" }>, from: Node): void {
    const { router, counters } = this.#exec;
    counters.redirects += 1;
    this.#redirects += 1;
    from.breaker.success();
    // A server that does not know how it is reached leaves the host empty: it means its own.
    const address = { host: reply.host === "" ? from.address.host : reply.host, port: reply.port };
    if (reply.kind === "moved") router.moved(reply.slot, address);
    else this.#redirect = { node: router.nodeAt(address), asking: true };
    // Outside a cluster there is nobody to be redirected to; it has become another server's address.
    if (router.kind !== "cluster" || this.#redirects % maxRedirects === 0) this.#again();
    else this.step();
  }

  #again(): void {
    this.#exec.counters.retries += 1;
    this.#backoff ??= backoff(again);
    this.#pauseThenStep(this.#backoff.next());
  }

  #pauseThenStep(delay: number): void {
    this.#pause = this.#exec.options.clock.setTimeout(() => this.step(), delay);
  }

  #wait(node: Node | undefined, evenDraining: boolean): void {
    if (this.#exec.phase !== "open" && !evenDraining) {
      this.end(new ClosedError(`the fleet is closing and ${this.#where(node)} is away`, { executed: this.executed }));
      return;
    }
    this.#exec.await(this as Call<unknown>);
  }

  #refuse(node: Node | undefined): void {
    this.#exec.counters.refused += 1;
    this.#fail(`${this.#where(node)} does not answer`, node);
  }

  #late(): void {
    // A reply that has arrived while this process was busy counts: let this turn's input be read first.
    setImmediate(() => {
      if (this.#settled) return;
      this.#exec.counters.timeouts += 1;
      const node = this.#inFlight;
      const { deadline } = this.#request;
      if (node === undefined) {
        const owner = this.#exec.router.route(this.#request.key);
        const route = this.#lane(owner)?.node ?? owner;
        this.#fail(`${this.#name()} found ${this.#where(route)} not ready within ${deadline} ms`, route);
        return;
      }
      node.breaker.failure();
      const cause = this.#lastError;
      this.end(
        new TimeoutError(`${node.id} did not answer ${this.#name()} within ${deadline} ms`, {
          executed: this.executed,
          retryAfter: probeEvery,
          ...(cause === undefined ? {} : { cause }),
        }),
      );
    });
  }

  #fail(message: string, node?: Node): void {
    const cause = node?.lastError ?? this.#exec.router.lastError ?? this.#lastError;
    const because = cause instanceof Error ? ` (${cause.message || cause.name})` : "";
    this.end(
      new UnavailableError(`${message}${because}`, {
        executed: this.executed,
        retryAfter: probeEvery,
        ...(cause === undefined ? {} : { cause }),
      }),
    );
  }

  #name(): string {
    return this.#request.name;
  }

  #where(node: Node | undefined): string {
    return node?.id ?? `a ${this.#exec.router.kind} server for the key`;
  }
}
