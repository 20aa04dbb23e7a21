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
  readonly #told = new Set<string>();
  #timer: Timer | undefined;
  #version = -1;
  #beats = 0;
  #closed = false;
  #beating: Promise<void> = Promise.resolve();

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#plan(0);
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
    if (!this.#closed) this.#plan(0);
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
      this.#beating = this.#beat().catch(() => undefined);
      const { random = Math.random } = this.#options;
      this.#plan(beatEvery * (1 + spread * (2 * random() - 1)));
    }, delay);
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
    if (version === this.#version || this.#closed) return;
    this.#version = version;
    this.#compare(await this.instances());
  }

  #compare(instances: readonly Instance[]): void {
    const own = this.#options.details().settings;
    for (const other of instances) {
      if (other.self) continue;
      // What only one of them uses cannot differ: applications with different rooms may be one fleet.
      const parts = Object.keys(own).filter((part) => part in other.settings && other.settings[part] !== own[part]);
      const told = `${other.id} ${parts.join()} ${parts.map((part) => other.settings[part]).join()}`;
      if (parts.length === 0 || this.#told.has(told)) continue;
      this.#told.add(told);
      this.#options.onDiffer(other, parts);
    }
  }

  #read({ id, beat, positions, details }: RosterRow, now: number): readonly Instance[] {
    try {
      const { name, version, settings } = JSON.parse(details) as InstanceDetails;
      const self = id === this.#options.id;
      return [
        { id, name, version, settings, age: Math.max(0, now - beat), self, positions: decodePositions(positions) },
      ];
    } catch {
      // Written by somebody else under our key, or by a release to come.
      return [];
    }
  }
}

function encodePositions(positions: Readonly<Record<string, string>>): string {
  return Object.entries(positions)
    .map(([name, position]) => `${encodeURIComponent(name)}=${position}`)
    .join("&");
}

function decodePositions(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(text));
}
