/** What a drill found. */
export interface DrillResult {
  readonly name: string;
  /** How many faults it caused. */
  readonly faults: number;
  /** Counts and times worth publishing, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Why it failed; empty when it passed. */
  readonly failures: readonly string[];
}

/** One fault, repeated under load, with the effects counted against the acknowledgements. */
export interface Drill {
  readonly name: string;
  /** What is done, in one line. */
  readonly about: string;
  /** The mechanism without which it fails; that was tried. */
  readonly proves?: string;
  run(options: { readonly faults: number }): Promise<DrillResult>;
}

/** Collects the reasons for a failure. */
export class Findings {
  readonly failures: string[] = [];

  expect(condition: boolean, otherwise: string): void {
    if (!condition) this.failures.push(otherwise);
  }
}

/** Waits while the load runs; faults are spaced by time because that is what they are. */
export function whileLoadRuns(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
