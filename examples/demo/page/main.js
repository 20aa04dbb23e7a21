import { pathOf, post, send, showInstances, showServers } from "./controls.js";
import { find, write } from "./elements.js";
import { Outcome } from "./outcome.js";
import { showEvents, showTrials } from "./report.js";
import { Strip } from "./strip.js";
import { Users } from "./users.js";
import { number, seconds } from "./words.js";

const apps = ["ours", "usual"];
const users = Object.fromEntries(apps.map((app) => [app, new Users(app, pageId())]));
const strips = Object.fromEntries(apps.map((app) => [app, new Strip(find(`${app}-strip`))]));
const outcome = new Outcome(users);
let areAtWork = false;

/** The users of this tab: the same after a reload, others in another tab. */
function pageId() {
  const id = sessionStorage.getItem("page") ?? Math.random().toString(36).slice(2, 8);
  sessionStorage.setItem("page", id);
  return id;
}

function showUsers(app, now) {
  const { tally, waits } = users[app];
  const { failed, longest } = waits.inAll(now);
  write(find(`${app}-held`), number(tally.held));
  write(find(`${app}-told`), number(tally.told));
  showNumber(`${app}-lost`, number(tally.lost), tally.lost > 0);
  showNumber(`${app}-failed`, number(failed), failed > 0);
  write(find(`${app}-longest`), seconds(longest));
  showNumber(`${app}-known`, `${tally.known} of ${tally.users}`, tally.known < tally.users);
  strips[app].draw(waits.bars(now), outcome.age(now));
}

function showNumber(id, text, isBad) {
  write(find(id), text);
  find(id).className = isBad ? "bad" : "";
}

const serverWords = {
  none: "There is none: ours share the memory of this process. npm run demo -- sentinel starts some that can be killed.",
  foreign: "They are yours, so nothing is killed here.",
  own: "As an instance of express-fleet knows them. Killing ends a server at once (SIGKILL); it can be started again.",
};

function show(state) {
  write(find("words"), state.words);
  const isBlocked = state.running !== undefined;
  find("blocked").hidden = !isBlocked;
  for (const app of apps)
    showInstances(
      app,
      state.instances.filter((instance) => instance.app === app),
      isBlocked,
    );
  showServers(state.servers, isBlocked);
  find("kill-words").hidden = !state.instances.some(({ actions }) => actions.includes("kill"));
  write(find("servers-words"), serverWords[state.serversAre]);
  find("again").setAttribute("aria-disabled", String(isBlocked));
  showTrials(state);
  showEvents(state.events);
  outcome.follow(state.events);
  if (state.ready && !areAtWork) {
    areAtWork = true;
    for (const app of apps) void users[app].work();
  }
}

function trouble(text) {
  write(find("trouble"), text);
  find("trouble").hidden = text === "";
}

async function refresh() {
  try {
    show(await (await fetch("/demo/state")).json());
    trouble("");
  } catch {
    trouble("The demo does not answer. Has it ended?");
  }
}

async function refreshForEver() {
  for (;;) {
    await refresh();
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

function draw() {
  const now = performance.now();
  for (const app of apps) showUsers(app, now);
  outcome.show(now);
}

async function press(button) {
  if (pathOf(button) === undefined) return outcome.refuse(button.dataset.reason);
  outcome.begin(`${button.getAttribute("aria-label")} …`, performance.now());
  outcome.end(await send(button));
  await refresh();
}

async function runTrials() {
  const { text } = await post("/demo/trials");
  outcome.refuse(text);
  await refresh();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-path]");
  if (button !== null) void press(button);
});
find("again").addEventListener("click", () => void runTrials());
find("pause").addEventListener("click", () => {
  const paused = !users.ours.paused;
  for (const app of apps) users[app].paused = paused;
  write(find("pause"), paused ? "Go on" : "Pause");
});
find("afresh").addEventListener("click", () => {
  for (const app of apps) users[app].beginAfresh();
});
find("dock").classList.add("empty");
setInterval(draw, 250);
void refreshForEver();
