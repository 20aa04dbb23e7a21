import { setTimeout as sleep } from "node:timers/promises";
import { User } from "../user.js";
import { oneByOne, type Outcome, type Subject } from "./trial.js";

const users = 5;
const slow = 1_000;
const untilLoaded = 250;

type Ending = "signed out" | "still signed in" | "signed in again" | "could not sign out";

/** A session is written by a request that loaded it before the logout and ends after it. */
export const logoutDuringSlowRequest = oneByOne(
  "logout while a slow request runs",
  async (subject): Promise<Outcome> => {
    const endings = await endingsOf(subject);
    const distinct = [...new Set(endings)].sort();
    const [only] = distinct;
    const counted = distinct.map(
      (ending) => `${ending} ${endings.filter((each) => each === ending).length} of ${users}`,
    );
    return {
      text: distinct.length === 1 && only !== undefined ? only : counted.join(", "),
      held: endings.every((ending) => ending === "signed out"),
    };
  },
);

async function endingsOf({ base }: Subject): Promise<readonly Ending[]> {
  const people = await Promise.all(Array.from({ length: users }, (_, index) => User.signIn(base, `leaving-${index}`)));
  const tabs = people.map((user) => user.tab());
  try {
    const slowRequests = tabs.map((tab) => tab.ask("POST", `slow?work=${slow}`));
    await sleep(untilLoaded);
    const logouts = await Promise.all(people.map((user) => user.ask("POST", "logout")));
    const atOnce = await areKnown(people);
    await Promise.all(slowRequests);
    const inTheEnd = await areKnown(people);
    return people.map((_, index) => {
      if (logouts[index]?.status !== 200) return "could not sign out";
      if (inTheEnd[index] !== true) return "signed out";
      return atOnce[index] === true ? "still signed in" : "signed in again";
    });
  } finally {
    for (const client of [...people, ...tabs]) client.leave();
  }
}

/** Of each user, whether any instance takes the cookie for somebody who is signed in. */
async function areKnown(people: readonly User[]): Promise<readonly boolean[]> {
  const known: boolean[] = [];
  // One after the other: several in step might each meet the same instance at every turn.
  for (const user of people) known.push((await user.viewsOfAll()).some((view) => view.user === user.name));
  return known;
}
