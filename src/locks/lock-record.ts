import type { LockForce, LockView, StoredHolder } from "./lock-store.js";

/** A lock as its text holds it; `lua/record.lua` has the same form. */
export interface LockRecord {
  owner: string;
  number: number;
  token: number;
  lastToken: number;
  /** Held is what expires later than now; without an owner it is kept. */
  expires: number;
  since: number;
  /** The last request that each process ended in the last ten seconds, the oldest first. */
  ended: readonly EndedRequest[];
  notes: string;
  forced: string;
  waiters: readonly WaitingRequest[];
}

export interface EndedRequest {
  readonly process: string;
  readonly number: number;
  readonly at: number;
}

export interface WaitingRequest {
  readonly process: string;
  readonly number: number;
  readonly until: number;
  readonly lease: number;
  readonly since: number;
  readonly notes: string;
}

/** How many tokens come with a grant; the texts hold the first of them. */
export const tokensPerGrant = 16;

const freeForm = /^0\|(\d+)\|((?:[^|\n:,]+:\d+:\d+,)*)\n([^\n]*)$/;
const form = /^1\|([^|\n]*)\|(\d+)\|(\d+)\|(\d+)\|(\d+)\|(\d+)\|((?:[^|\n:,]+:\d+:\d+,)*)\n([^\n]*)\n([^\n]*)\n([^]*)$/;
const linesOfWaiters = /^(?:[^|\n]+(?:\|\d+){4}\|[^\n]*\n)*$/;

const untouched: LockRecord = {
  owner: "",
  number: 0,
  token: 0,
  lastToken: 0,
  expires: 0,
  since: 0,
  ended: [],
  notes: "",
  forced: "",
  waiters: [],
};

/** Reads a lock's text, empty for none; undefined for what no version of ours wrote. */
export function parseLock(text: string): LockRecord | undefined {
  if (text === "") return { ...untouched };
  const free = freeForm.exec(text);
  if (free !== null) {
    const [, first, ended = "", forced = ""] = free;
    return { ...untouched, lastToken: lastOf(first), ended: parseEndedList(ended), forced };
  }
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, owner = "", number, token, first, expires, since, ended = "", notes = "", forced = "", lines = ""] = match;
  if (!linesOfWaiters.test(lines)) return undefined;
  return {
    owner,
    number: Number(number),
    token: Number(token),
    lastToken: lastOf(first),
    expires: Number(expires),
    since: Number(since),
    ended: parseEndedList(ended),
    notes,
    forced,
    waiters: lines.split("\n").slice(0, -1).map(parseWaiter),
  };
}

/** The text of a lock; of one that was given back, with nobody waiting, only what the next grant needs. */
export function formatLock(lock: LockRecord): string {
  const { owner, number, token, lastToken, expires, since, notes, forced } = lock;
  const first = Math.max(0, lastToken - tokensPerGrant + 1);
  const ended = lock.ended.map((each) => `${each.process}:${each.number}:${each.at},`).join("");
  if (owner === "" && expires === 0 && lock.waiters.length === 0) return `0|${first}|${ended}\n${forced}`;
  const lines = lock.waiters.map(
    (each) => `${each.process}|${each.number}|${each.until}|${each.lease}|${each.since}|${each.notes}\n`,
  );
  const head = `1|${owner}|${number}|${token}|${first}|${expires}|${since}|${ended}`;
  return `${head}\n${notes}\n${forced}\n${lines.join("")}`;
}

/** Who has it at a moment of the server's clock. */
export function holderOf(lock: LockRecord, now: number): StoredHolder | undefined {
  if (lock.expires <= now) return undefined;
  const { owner, token, since, expires, notes } = lock;
  return { process: owner, token, since, until: expires, notes };
}

/** The lock as it is shown. */
export function viewOf(lock: LockRecord, now: number): LockView {
  const waiters = lock.waiters
    .filter(({ until }) => until > now)
    .map(({ process, since, notes }) => ({ process, since, notes }));
  return { now, holder: holderOf(lock, now), waiters };
}

/** How a lock was taken by force, from the record or a letter; undefined when it was not. */
export function parseForce(text: string): LockForce | undefined {
  const match = /^[^|]*\|([^|]*)\|(\d+)\|(stolen|forced)\|([^]*)$/.exec(text);
  if (match === null) return undefined;
  const [, process = "", number, kind, why = ""] = match;
  return { process, number: Number(number), kind: kind as LockForce["kind"], why };
}

function lastOf(first: string | undefined): number {
  return Number(first) + tokensPerGrant - 1;
}

function parseEndedList(text: string): readonly EndedRequest[] {
  return text.split(",").slice(0, -1).map(parseEnded);
}

function parseEnded(text: string): EndedRequest {
  const [process = "", number, at] = text.split(":");
  return { process, number: Number(number), at: Number(at) };
}

function parseWaiter(line: string): WaitingRequest {
  const [process = "", number, until, lease, since, ...notes] = line.split("|");
  return {
    process,
    number: Number(number),
    until: Number(until),
    lease: Number(lease),
    since: Number(since),
    notes: notes.join("|"),
  };
}
