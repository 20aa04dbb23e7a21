import { User, hasFailed, type Answer } from "../user.js";
import { oneByOne, type Outcome } from "./trial.js";

const users = 10;
const requests = 200;
const stopAfter = 50;
/** Milliseconds that a request takes, so that some are under way at every moment of the stop. */
const work = 40;

/** One of three instances ends as in a deploy, while users work. */
export const instanceStopped = oneByOne(
  `an instance stopped during ${requests} requests`,
  async (subject): Promise<Outcome> => {
    const people = await Promise.all(
      Array.from({ length: users }, (_, index) => User.signIn(subject.base, `working-${index}`)),
    );
    const leaving = subject.instances[1];
    if (leaving === undefined) throw new Error("there is no second instance");
    let answered = 0;
    let stopped: Promise<void> | undefined;
    const onAnswer = (): void => {
      answered += 1;
      if (answered === stopAfter) stopped = leaving.stop();
    };
    try {
      const answers = await Promise.all(people.map((user) => keepCounting(user, onAnswer)));
      const outcome = await compare(people, answers, subject.instances.length - 1);
      await stopped;
      return outcome;
    } finally {
      for (const user of people) user.leave();
      await stopped;
      await leaving.start();
      await subject.allAvailable();
    }
  },
);

async function keepCounting(user: User, onAnswer: () => void): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let turn = 0; turn < requests / users; turn += 1) {
    answers.push(await user.ask("POST", `count?work=${work}`));
    onAnswer();
  }
  return answers;
}

/** What was acknowledged to each user against what the remaining instances know: lost is only what none of them has. */
async function compare(
  people: readonly User[],
  answers: readonly (readonly Answer[])[],
  remaining: number,
): Promise<Outcome> {
  let sessions = 0;
  let writes = 0;
  let differing = 0;
  for (const [index, user] of people.entries()) {
    const acknowledged = (answers[index] ?? []).filter((answer) => answer.status === 200).length;
    const views = await user.viewsOfAll(remaining);
    const known = views.filter((view) => view.user === user.name);
    if (known.length === 0) sessions += 1;
    if (known.length < views.length) differing += 1;
    writes += Math.max(0, acknowledged - Math.max(0, ...known.map((view) => view.count)));
  }
  const failed = answers.flat().filter(hasFailed).length;
  return {
    text: `${failed} failed; lost: ${sessions} of ${people.length} sessions, ${writes} writes`,
    held: failed === 0 && sessions === 0 && writes === 0 && differing === 0,
  };
}
