import type { Clock, Timer } from "../core/clock.js";
import type { RosterRow, RosterStore } from "./roster-store.js";

/** What others may know of an instance. */
export interface InstanceDetails {
  /** Its name for people. */
  readonly name: string;
  /** Of this library. */
  readonly version: string;
  /** Fingerprints of what must be the same on all instances, by part: `fleet`, and each room that it uses. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A living instance. */
export interface Instance extends InstanceDetails {
  readonly id: string;
  /** Milliseconds since its last beat, by the server's clock. */
  readonly age: number;
  /** Whether it is the one that was asked. */
  readonly self: boolean;
  /** How far it has applied what, as its rooms write it. */
  readonly positions: Readonly<Record<string, string>>;
}

/** What a roster is made of. */
export interface RosterOptions {
  readonly store: RosterStore;
  readonly clock: Clock;
  readonly id: string;
  readonly details: () => InstanceDetails;
  readonly positions: () => Readonly<Record<string, string>>;
  /** An instance is set up differently in these parts; told once for each. */
  readonly onDiffer: (other: Instance, parts: readonly string[]) => void;
  /** The backend refuses what waiting does not mend: the others do not hear of this instance; told once until it does not. */
  readonly onRefused?: (error: Error) => void;
  /** Resolves when letters to this instance are heard. Whoever finds it in the roster may write to it: it waits, two seconds at most. */
  readonly listening?: Promise<void>;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
}

const beatEvery = 2_000;
const spread = 0.1;
const aliveWithin = 6_000;
const forgetAfter = 60_000;
const sweepEvery = 10;

/**
 * Knows which instances live: each says so every two seconds, and counts as gone after three beats that did not come.
 *
 * Whenever somebody comes or changes, the settings are compared: instances of one fleet that are set up differently serve
 * the same users differently.
 */
export class Roster {
  readonly #options: RosterOptions;
  /** Of whom it was told that they differ, and how. */
  readonly #told = new Map<string, string>();
  #timer: Timer | undefined;
  #version = -1;
  #beats = 0;
  #beating: Promise<void> | undefined;
  #again = false;
  #looking = false;
  #isRefused = false;
  #closed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
    const { listening = Promise.resolve() } = options;
    this.#plan(beatEvery);
    void listening.then(() => this.changed());
  }

  /** Every living instance, this one too, in the order of their names; rejects when the backend does not answer. */
  async instances(): Promise<readonly Instance[]> {
    const { now, rows } = await this.#options.store.read();
    return rows
      .filter(({ beat }) => now - beat < aliveWithin)
      .flatMap((row) => this.#read(row, now))
      .sort((one, other) => (one.name + one.id < other.name + other.id ? -1 : 1));
  }

  /** Tells the others soon that something about this instance has changed. */
  changed(): void {
    if (this.#closed) return;
    if (this.#beating === undefined) this.#plan(0);
    else this.#again = true;
  }

  /** Leaves, so that nobody waits for this instance; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    // A beat that is under way would write it down again.
    await this.#beating;
    await this.#options.store.leave({ id: this.#options.id }).catch(() => undefined);
  }

  #plan(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#beating = this.#run();
    }, delay);
  }

  /** One beat after the other: of two at once the one that arrives last would count, and outlive a `leave`. */
  async #run(): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    const next = clock.monotonic() + beatEvery * (1 + spread * (2 * random() - 1));
    await this.#beat().then(
      () => {
        this.#isRefused = false;
      },
      (error: unknown) => this.#refused(error as Error),
    );
    this.#beating = undefined;
    if (!this.#closed) this.#plan(this.#again ? 0 : Math.max(0, next - clock.monotonic()));
    this.#again = false;
  }

  #refused(error: Error & { readonly retryable?: boolean }): void {
    if (error.retryable !== false || this.#isRefused || this.#closed) return;
    this.#isRefused = true;
    this.#options.onRefused?.(error);
  }

  async #beat(): Promise<void> {
    const { store, id, details, positions } = this.#options;
    this.#beats += 1;
    const { version } = await store.beat({
      id,
      positions: encodePositions(positions()),
      details: JSON.stringify(details()),
      // One beat in ten looks after the dead: every one would read the whole roster.
      forget: this.#beats % sweepEvery === 0 ? forgetAfter : 0,
    });
    // Not part of the beat: the next one must not wait for it.
    if (version !== this.#version) this.#look(version).catch(() => undefined);
  }

  /** Compares all; what fails is tried again with the next beat. */
  async #look(version: number): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const instances = await this.instances();
      if (this.#closed) return;
      this.#version = version;
      this.#compare(instances);
    } finally {
      this.#looking = false;
    }
  }

  #compare(instances: readonly Instance[]): void {
    const own = this.#options.details().settings;
    const living = new Set(instances.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!living.has(id)) this.#told.delete(id);
    for (const other of instances) {
      if (other.self) continue;
      // What only one of them uses cannot differ: applications with different rooms may be one fleet.
      const parts = Object.keys(own).filter(
        (part) => Object.hasOwn(other.settings, part) && other.settings[part] !== own[part],
      );
      const told = parts.map((part) => `${part}=${other.settings[part]}`).join();
      if (told === (this.#told.get(other.id) ?? "")) continue;
      this.#told.set(other.id, told);
      if (parts.length > 0) this.#options.onDiffer(other, parts);
    }
  }

  #read({ id, beat, positions, details }: RosterRow, now: number): readonly Instance[] {
    const told = readDetails(details);
    if (told === undefined || id === "") return [];
    const self = id === this.#options.id;
    return [{ id, ...told, age: Math.max(0, now - beat), self, positions: decodePositions(positions) }];
  }
}

/** Undefined for what somebody else wrote under our key, or a release to come. */
function readDetails(text: string): InstanceDetails | undefined {
  let details: Partial<InstanceDetails> | null;
  try {
    details = JSON.parse(text) as typeof details;
  } catch {
    return undefined;
  }
  const { name, version, settings } = details ?? {};
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) return undefined;
  if (Object.values(settings).some((fingerprint) => typeof fingerprint !== "string")) return undefined;
  return { name, version, settings };
}

function encodePositions(positions: Readonly<Record<string, string>>): string {
  return Object.entries(positions)
    .map(([name, position]) => `${encodeURIComponent(name)}=${encodeURIComponent(position)}`)
    .join("&");
}

function decodePositions(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(text));
}
