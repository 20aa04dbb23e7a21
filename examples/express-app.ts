import type { AddressInfo } from "node:net";
import express from "express";
import type {} from "express-session";
import { createFleet } from "express-fleet";

declare module "express-session" {
  interface SessionData {
    user: string;
    visits: number;
  }
}

const secret = process.env["SESSION_SECRET"] ?? "only for your own machine: production wants 32 bytes or more";
const fleet = createFleet({ sessions: { merge: { fields: { visits: "counter" } } } });
const app = express();

app.use("/healthz", fleet.health.router()); // /healthz/live and /healthz/ready, for the balancer
app.use(fleet.sessions.middleware({ secret }));

app.get("/", (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.json({ instance: fleet.instance, user: req.session.user ?? null, visits: req.session.visits });
});

app.post("/login/:user", (req, res, next) => {
  req.session.regenerate((error: unknown) => {
    if (error) return next(error);
    req.session.user = req.params.user;
    res.json({ user: req.session.user });
  });
});

app.post("/logout", (req, res, next) => {
  req.session.destroy((error: unknown) => (error ? next(error) : res.sendStatus(204)));
});

const server = app.listen(Number(process.env["PORT"] ?? 3000));
server.once("listening", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once("SIGTERM", () => void fleet.close({ server, preStop: "5s" }));
