import { find, keepChildren, make, write } from "./elements.js";

const pending = new Set();

/** The instances of one app with their buttons. */
export function showInstances(app, instances, isBlocked) {
  keepChildren(find(`${app}-instances`), instances, {
    keyOf: ({ name }) => name,
    create: createThing,
    update: (item, instance) => updateInstance(item, instance, isBlocked),
  });
}

/** The servers with theirs. */
export function showServers(servers, isBlocked) {
  keepChildren(find("servers"), servers, {
    keyOf: ({ address }) => address,
    create: createThing,
    update: (item, server) => updateServer(item, server, isBlocked),
  });
}

/** The path of a press that may be sent now; undefined when the button says why not. */
export function pathOf(button) {
  return button.getAttribute("aria-disabled") === "true" ? undefined : button.dataset.path;
}

/** Sends a press. Resolves with what came of it. */
export async function send(button) {
  const { path } = button.dataset;
  pending.add(path);
  button.setAttribute("aria-disabled", "true");
  try {
    return await post(path);
  } finally {
    pending.delete(path);
  }
}

/** Has the demo do something. Resolves with what came of it in words, and whether it was done. */
export async function post(path) {
  try {
    const response = await fetch(path, { method: "POST" });
    const { done, error } = await response.json();
    return { text: done ?? error, isDone: done !== undefined };
  } catch {
    return { text: "The demo does not answer.", isDone: false };
  }
}

function createThing() {
  const item = make("li", "");
  const what = make("div", "");
  what.append(make("strong", ""), make("span", "", { class: "phase" }));
  const buttons = make("div", "", { class: "buttons" });
  buttons.append(make("button", "", { type: "button" }), make("button", "", { type: "button", class: "harsh" }));
  item.append(what, buttons, make("small", ""));
  return item;
}

function updateInstance(item, instance, isBlocked) {
  const { name, app, phase, available, pid, served, heard, actions } = instance;
  const isIdle = phase === "running" && !available;
  describe(item, name, isIdle ? "running, gets no requests yet" : phase, phaseTone(phase));
  const details = [pid === undefined ? "no process" : `process ${pid}`, `${served} answered`];
  // Only ours tell one another that they live.
  if (app === "ours")
    details.push(heard === undefined ? "the fleet does not hear of it" : `heard of ${seconds(heard)} ago`);
  write(item.querySelector("small"), details.join(", "));
  const [change, kill] = item.querySelectorAll("button");
  const action = ["stopped", "starting"].includes(phase) ? "start" : "stop";
  const refusal = actions.includes(action) ? undefined : `${name} is ${phase} already.`;
  const path = `/demo/instances/${name}/`;
  change.className = action === "stop" ? "quiet" : "";
  setButton(change, { label: action === "stop" ? "Stop" : "Start", name, path: path + action, refusal, isBlocked });
  setButton(kill, { label: "Kill", name, path: `${path}kill`, isHidden: !actions.includes("kill"), isBlocked });
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function phaseTone(phase) {
  if (phase === "running") return "good";
  return phase === "stopped" ? "bad" : "";
}

const serverLabels = { kill: "Kill the primary", start: "Start again", restart: "Restart the server" };

function updateServer(item, server, isBlocked) {
  const { address, role, state, action, refusal } = server;
  const isDown = state === "not-running";
  describe(item, address, isDown ? "not running" : role, isDown ? "bad" : role === "primary" ? "good" : "");
  write(item.querySelector("small"), [...detailsOf(server), ...(refusal ? [`not now: ${refusal}`] : [])].join("; "));
  const [change, unused] = item.querySelectorAll("button");
  unused.hidden = true;
  change.className = action === "start" ? "" : "harsh";
  const path = `/demo/servers/${address}/${action}`;
  const why = refusal && `Not now: ${refusal}.`;
  const label = serverLabels[action] ?? "";
  setButton(change, { label, name: address, path, isHidden: action === undefined, refusal: why, isBlocked });
}

function detailsOf({ id, address, slots, replicaOf, state, role }) {
  const ranges = slots.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(", ");
  if (role === "unknown" && state !== "not-running") return ["not seen by our instances at present"];
  return [
    ...(ranges === "" ? [] : [`slots ${ranges}`]),
    ...(role === "replica" && replicaOf !== undefined ? [`stands by for ${replicaOf}`] : []),
    // Everything is asked of the primaries: a replica without a connection is as it should be.
    ...(state === "not-running" || role === "replica" ? [] : [state.replace("-", " ")]),
    ...(id === address ? [] : [`id ${id.slice(0, 8)}`]),
  ];
}

function describe(item, name, phase, tone) {
  write(item.querySelector("strong"), name);
  const element = item.querySelector(".phase");
  write(element, phase);
  element.className = `phase ${tone}`.trim();
}

function setButton(button, { label, name, path, isHidden = false, refusal, isBlocked }) {
  // A focus on a button that vanishes would begin anew at the top of the page.
  if (isHidden && document.activeElement === button) button.closest("section").querySelector("h2").focus();
  button.hidden = isHidden;
  write(button, label);
  button.setAttribute("aria-label", `${label}: ${name}`);
  button.dataset.path = path;
  const reason = isBlocked ? find("blocked").textContent.trim() : refusal;
  button.dataset.reason = reason ?? "This is being done.";
  button.setAttribute("aria-disabled", String(reason !== undefined || pending.has(path)));
}
