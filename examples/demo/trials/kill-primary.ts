import { setTimeout as sleep } from "node:timers/promises";
import type { AppName } from "../app.js";
import { User, hasFailed, type Answer } from "../user.js";
import { attempt, type Outcome, type Subject, type Subjects, type Trial } from "./trial.js";

/** Enough that some of them have their session on whatever primary of a cluster is killed. */
const users = 24;
const rest = 50;
const before = 1_000;
const after = 1_500;

/** The server that takes the writes is killed while users of both apps work: one failover, seen by both. */
export const primaryKilled: Trial = {
  title: "the primary killed under a steady load",
  possible: (servers) => servers.killPrimary !== undefined,
  run: async (subjects, servers) => {
    const { killPrimary } = servers;
    if (killPrimary === undefined) throw new Error("these servers are not the demo's to kill");
    const stop = new AbortController();
    const both = bothApps(subjects, (subject) => attempt(() => load(subject, stop.signal)));
    try {
      await sleep(before);
      const killed = await killPrimary();
      await killed.replaced;
      await sleep(after);
      stop.abort();
      const outcomes = await both;
      await killed.repair();
      return outcomes;
    } finally {
      stop.abort();
    }
  },
};

async function bothApps(
  subjects: Subjects,
  measure: (subject: Subject) => Promise<Outcome>,
): Promise<Record<AppName, Outcome>> {
  const [usual, ours] = await Promise.all([measure(subjects.usual), measure(subjects.ours)]);
  return { usual, ours };
}

async function load({ base }: Subject, signal: AbortSignal): Promise<Outcome> {
  const people = await Promise.all(Array.from({ length: users }, (_, index) => User.signIn(base, `steady-${index}`)));
  try {
    const answers = (await Promise.all(people.map((user) => keepCounting(user, signal)))).flat();
    const errors = answers.filter(hasFailed).length;
    const longest = Math.max(...answers.map(({ waited }) => waited));
    return {
      text: `${errors} errors in ${answers.length}, longest wait ${Math.round(longest)} ms`,
      held: errors === 0 && answers.length > 0,
    };
  } finally {
    for (const user of people) user.leave();
  }
}

async function keepCounting(user: User, signal: AbortSignal): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  while (!signal.aborted) {
    answers.push(await user.ask("POST", "count"));
    await sleep(rest);
  }
  return answers;
}
