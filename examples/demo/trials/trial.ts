import type { AppName } from "../app.js";
import type { Instance } from "../instances.js";
import type { RunningServers } from "../servers.js";

/** What one trial measured at one app. */
export interface Outcome {
  /** In few words, for the table. */
  readonly text: string;
  /** Nothing was lost, refused or wrong. Only ours is held to that. */
  readonly held: boolean;
}

/** What a trial of one app works with. */
export interface Subject {
  readonly app: AppName;
  /** Where the balancer serves the app; ends with a slash. */
  readonly base: URL;
  readonly instances: readonly Instance[];
  /** Resolves when the balancer hands requests to every instance. */
  allAvailable(): Promise<void>;
}

/** What happens to both apps. */
export interface Trial {
  readonly title: string;
  /** Whether it can be done on these servers. */
  possible(servers: RunningServers): boolean;
  run(subjects: Subjects, servers: RunningServers): Promise<Outcomes>;
}

export type Subjects = Readonly<Record<AppName, Subject>>;
export type Outcomes = Readonly<Record<AppName, Outcome>>;

/** A trial that one app goes through after the other, so that neither disturbs the other. */
export function oneByOne(title: string, measure: (subject: Subject) => Promise<Outcome>): Trial {
  return {
    title,
    possible: () => true,
    run: async ({ usual, ours }) => ({
      usual: await attempt(() => measure(usual)),
      ours: await attempt(() => measure(ours)),
    }),
  };
}

/** A measurement that fails is an outcome too. */
export async function attempt(measure: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await measure();
  } catch (error) {
    return { text: `not measured: ${error instanceof Error ? error.message : String(error)}`, held: false };
  }
}
