import type { RedisBackend } from "../backend/backend.js";

/** What a script that grants compares before it does; an empty replication id is not compared. */
export interface GuardArguments {
  readonly generation: string;
  readonly notBefore: number;
}

/** What the guard is made of. */
export interface FailoverGuardOptions {
  readonly backend: RedisBackend;
  /** No lease is longer, milliseconds. */
  readonly maxLease: number;
  /** A failover is not waited for: what it lost may be granted twice. */
  readonly isFast: boolean;
  /** A server does not tell its history, so that nothing can be guarded; told once. */
  readonly onUnguarded: () => void;
}

const open: GuardArguments = { generation: "", notBefore: 0 };

/**
 * Keeps grants away from a server whose last writes may be lost, for as long as anybody may still trust in them.
 *
 * A promoted replica may know nothing of the last locks that its primary granted, or may hold released ones for held. No
 * lease outlives `maxLease`, so that after that much time in its new history nobody holds what it does not know of.
 */
export class FailoverGuard {
  readonly #options: FailoverGuardOptions;
  #told = false;

  constructor(options: FailoverGuardOptions) {
    this.#options = options;
  }

  /** For the server that owns the key, where it is known already. */
  known(key: string): GuardArguments | undefined {
    const { backend, maxLease, isFast } = this.#options;
    if (isFast || this.#told) return open;
    const generation = backend.knownGeneration(key);
    if (generation === undefined) return undefined;
    return { generation: generation.replicationId, notBefore: generation.since + maxLease };
  }

  /**
   * The same, asked for where it is not known, or where a script found `other` in place of `not`; within `deadline` milliseconds.
   */
  async find(key: string, deadline: number | undefined, not?: string, other?: string): Promise<GuardArguments> {
    const { backend, maxLease } = this.#options;
    const found = await backend.generation(key, {
      ...(deadline === undefined ? {} : { deadline }),
      ...(not === undefined ? {} : { not }),
      ...(other === undefined ? {} : { found: other }),
    });
    if (found !== undefined) return { generation: found.replicationId, notBefore: found.since + maxLease };
    return this.giveUp();
  }

  /** The server tells its history to nobody, or not to scripts: from now on nothing is compared. */
  giveUp(): GuardArguments {
    if (!this.#told) this.#options.onUnguarded();
    this.#told = true;
    return open;
  }

  /** Whether grants are guarded, as far as it is known. */
  get isGuarding(): boolean {
    return !this.#options.isFast && !this.#told;
  }
}
