/** One document that one user at a time may edit: open http://127.0.0.1:3000 in two browsers, on as many instances as you like. */
import type { AddressInfo } from "node:net";
import express from "express";
import type {} from "express-session";
import { createFleet } from "express-fleet";
import type { ReservedRequest } from "express-fleet/reservations";

declare module "express-session" {
  interface SessionData {
    user: string;
  }
}

const secret = process.env["SESSION_SECRET"] ?? "only for your own machine: production wants 32 bytes or more";
const fleet = createFleet();
const documents = fleet.reservations.define("document", { lease: "30s" });

/** In place of the database that all instances share: it keeps the token of the last write, and takes no older one. */
const table = new Map<string, { text: string; token: number }>();

const app = express();
app.use(express.json());
app.use(fleet.sessions.middleware({ secret }));

app.post("/login/:user", (req, res, next) => {
  req.session.regenerate((error: unknown) => {
    if (error) return next(error);
    req.session.user = req.params.user;
    res.sendStatus(204);
  });
});
app.post("/logout", (req, res, next) => {
  req.session.destroy((error: unknown) => (error ? next(error) : res.sendStatus(204)));
});

app.use(
  "/reservations",
  documents.router({
    owner: (req: express.Request) => req.session.user,
    can: (_req, action) => action !== "force-release", // anybody may take over, nobody may only throw out
  }),
);

app.get("/documents/:id", (req, res) => {
  res.json({ text: table.get(req.params.id)?.text ?? "" });
});
app.put("/documents/:id", documents.require({ item: (req) => String(req.params.id) }), (req, res) => {
  const token = (req as ReservedRequest).reservation?.token ?? 0;
  const { text } = req.body as { text: string };
  // As in SQL: UPDATE ... SET text = ?, token = ? WHERE id = ? AND token <= ?
  if ((table.get(req.params.id)?.token ?? 0) > token) return void res.sendStatus(412);
  table.set(req.params.id, { text, token });
  res.sendStatus(204);
});

const page = `<!doctype html>
<meta charset="utf-8">
<title>Document 42</title>
<p id="login"><input id="name" placeholder="your name"> <button id="enter">Sign in</button></p>
<p><b id="state"></b> <button id="take">Take over</button></p>
<textarea id="text" rows="8" cols="60" disabled></textarea>
<p><button id="save" disabled>Save</button> <button id="logout">Sign out</button></p>
<ul id="events"></ul>
<script type="module">
const item = "42", base = "/reservations";
const $ = (id) => document.getElementById(id);
let token, beat;

const post = (path, body) => fetch(base + path, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
});
// Not everything that stands between a page and these routes answers with JSON.
const read = (answer) => answer.json().catch(() => ({ detail: "The server answered " + answer.status + "." }));
const time = (ms) => new Date(ms).toLocaleTimeString();

function show(text, mine) {
  $("state").textContent = text;
  $("text").disabled = $("save").disabled = !mine;
}

function lost(text) {
  clearInterval(beat);
  token = undefined;
  show(text, false);
}

async function open() {
  taken(await post("/reserve", { item, reason: "editing" }));
}

async function taken(answer) {
  clearInterval(beat);
  const body = await read(answer);
  if (!answer.ok) return lost(body.holder ? other(body.holder, body) : body.detail);
  token = answer.headers.get("Reservation-Token");
  $("text").value = (await (await fetch("/documents/" + item)).json()).text;
  show("It is yours.", true);
  beat = setInterval(keep, 10000); // a third of the lease
}

const other = (holder, { since, until, reason }) =>
  (holder.name ?? holder.id) + " has it since " + time(since) + ", until " + time(until) + (reason ? ": " + reason : "");

async function keep() {
  const answer = await post("/heartbeat", { item, token }).catch(() => undefined);
  if (answer === undefined || answer.status >= 500) return; // the next one may get through: the lease lasts for three
  if (!answer.ok) lost((await read(answer)).detail);
}

async function look() {
  const answer = await fetch(base + "/" + item);
  if (answer.status === 404) return open();
  const held = await read(answer);
  if (answer.ok && !held.mine) lost(other(held.owner, held));
}

function listen() {
  const events = new EventSource(base + "/events");
  events.addEventListener("reset", look);
  events.addEventListener("error", () => {
    // Browsers come back by themselves after a lost connection, but not after a 502 or 503.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
  events.addEventListener("change", ({ data }) => {
    const change = JSON.parse(data);
    const line = document.createElement("li");
    line.textContent = change.kind + " " + change.item + ": " + change.reservation.owner.id;
    $("events").prepend(line);
    if (change.item === item) look();
  });
}

$("enter").onclick = async () => {
  await fetch("/login/" + encodeURIComponent($("name").value), { method: "POST" });
  $("login").hidden = true;
  await open();
  listen();
};
$("take").onclick = async () => taken(await post("/" + item + "/steal", { reason: "taken over" }));
$("save").onclick = async () => {
  const answer = await fetch("/documents/" + item, {
    method: "PUT",
    headers: { "content-type": "application/json", "Reservation-Token": token },
    body: JSON.stringify({ text: $("text").value }),
  });
  if (answer.ok) show("Saved. It is yours.", true);
  else if (answer.status >= 500) show("Not saved. Try again.", true);
  else lost((await read(answer)).detail);
};
$("logout").onclick = async () => {
  await fetch("/logout", { method: "POST" });
  location.reload();
};
addEventListener("pagehide", () => {
  if (token !== undefined) navigator.sendBeacon(base + "/release", JSON.stringify({ item, token }));
});
</script>
`;
app.get("/", (_req, res) => void res.type("html").send(page));

const server = app.listen(Number(process.env["PORT"] ?? 3000));
server.once("listening", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once("SIGTERM", () => void fleet.close({ server }));
