import type { RunningServers } from "../servers.js";
import { primaryKilled } from "./kill-primary.js";
import { logoutDuringSlowRequest } from "./logout.js";
import { parallelFields, parallelIncrements } from "./parallel.js";
import { instanceStopped } from "./stop-instance.js";
import { attempt, type Outcomes, type Subjects, type Trial } from "./trial.js";

const trials: readonly Trial[] = [
  parallelIncrements,
  parallelFields,
  logoutDuringSlowRequest,
  instanceStopped,
  primaryKilled,
];

/** One line of the table. */
export interface Row extends Outcomes {
  readonly title: string;
}

/** Puts both apps through every trial that these servers allow; `onRow` sees each as it is measured. */
export async function runTrials(
  subjects: Subjects,
  servers: RunningServers,
  { onBegin, onRow }: { readonly onBegin: (title: string) => void; readonly onRow: (row: Row) => void },
): Promise<void> {
  for (const trial of trials.filter((each) => each.possible(servers))) {
    onBegin(trial.title);
    onRow({ title: trial.title, ...(await outcomesOf(trial, subjects, servers)) });
  }
}

async function outcomesOf(trial: Trial, subjects: Subjects, servers: RunningServers): Promise<Outcomes> {
  try {
    return await trial.run(subjects, servers);
  } catch (error) {
    const outcome = await attempt(() => Promise.reject(error));
    return { usual: outcome, ours: outcome };
  }
}
