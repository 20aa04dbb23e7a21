import { createServer } from "node:http";
import { createFleet, type Fleet } from "express-fleet";
import * as sessions from "express-fleet/sessions";
import * as testing from "express-fleet/testing";

const fleet: Fleet = createFleet({ backend: "memory" });
const middleware = fleet.sessions.middleware({ secret: "a secret of more than thirty-two bytes" });
const health = fleet.health.router();

const server = createServer((req, res) => {
  middleware(req, res, () => health(req, res, () => res.end()));
});
void fleet.close({ server, grace: 5000 });

// What is not declared must not pass as `any`.
// @ts-expect-error
fleet.nothing();
// @ts-expect-error
sessions.nothing();
// @ts-expect-error
testing.nothing();
