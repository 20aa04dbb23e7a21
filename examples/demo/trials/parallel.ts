import type { SessionView } from "../app.js";
import { User } from "../user.js";
import { oneByOne, type Outcome, type Subject } from "./trial.js";

const increments = 50;
const fields = 20;
/** Milliseconds that each request takes, so that they really are under way together. */
const work = 50;

/** One user's session, incremented by many requests at once. */
export const parallelIncrements = oneByOne(`${increments} parallel "+1" on one session`, (subject) =>
  measure(
    subject,
    Array.from({ length: increments }, () => "count"),
    (view) => view.count,
  ),
);

/** One user's session, of which many requests at once each write another field. */
export const parallelFields = oneByOne(`${fields} requests, each writes another field`, (subject) =>
  measure(
    subject,
    Array.from({ length: fields }, (_, index) => `fields/${index}`),
    (view) => view.fields,
  ),
);

async function measure(
  subject: Subject,
  paths: readonly string[],
  read: (view: SessionView) => number,
): Promise<Outcome> {
  const user = await User.signIn(subject.base, "parallel");
  const tabs = paths.map(() => user.tab());
  try {
    await Promise.all(tabs.map((tab, index) => tab.ask("POST", `${paths[index]}?work=${work}`)));
    return describe((await user.viewsOfAll()).map(read), paths.length);
  } finally {
    for (const client of [user, ...tabs]) client.leave();
  }
}

/** What the instance says that remembers most; and at how many instances, where they differ. */
function describe(counts: readonly number[], expected: number): Outcome {
  const most = Math.max(...counts);
  const agreeing = counts.filter((count) => count === most).length;
  const where = agreeing === counts.length ? "" : `, on ${agreeing} of ${counts.length} instances`;
  return { text: `${most} of ${expected}${where}`, held: counts.every((count) => count === expected) };
}
