import express from "express";
import session from "express-session";
import { createFleet, FleetError, type CloseOptions, type Fleet, type FleetOptions } from "express-fleet";
import * as sessions from "express-fleet/sessions";
import * as testing from "express-fleet/testing";

const options: FleetOptions = { backend: "memory", sessions: { merge: { fields: { count: "counter" } } } };
const fleet: Fleet = createFleet(options);
const secret = "a secret of more than thirty-two bytes";

const app = express();
app.use("/healthz", fleet.health.router());
app.use(fleet.sessions.middleware({ secret }));
app.use(session({ secret, resave: false, saveUninitialized: false, store: fleet.sessions.store() }));
app.get("/", (req, res) => {
  res.json({ id: req.sessionID });
});

const ending: CloseOptions = { server: app.listen(0), grace: "5s" };
fleet.close(ending).catch((error: unknown) => {
  if (error instanceof FleetError) console.error(error.code, error.executed);
});

// What is not declared must not pass as `any`.
// @ts-expect-error
fleet.nothing();
// @ts-expect-error
sessions.nothing();
// @ts-expect-error
testing.nothing();
// @ts-expect-error
createFleet({ backend: 5 });
