import type { AnyBackend, BackendState } from "./backend/backend.js";
import type { HealthSource, HealthStatus } from "./health/index.js";
import type { BackendOfFleet } from "./open-backends.js";

const statuses: Readonly<Record<BackendState, HealthStatus>> = {
  ready: "pass",
  degraded: "warn",
  starting: "fail",
  down: "fail",
  fatal: "fail",
  draining: "fail",
  closed: "fail",
};

/** The check of one backend: `backend` for the default one, `backend:<room>` for a room's own. */
export function backendHealth({ room, backend }: BackendOfFleet): HealthSource {
  return { name: room === undefined ? "backend" : `backend:${room}`, check: () => check(backend) };
}

function check(backend: AnyBackend): ReturnType<HealthSource["check"]> {
  const { kind, state } = backend;
  const { connections, pending } = backend.stats();
  return { status: statuses[state], detail: { kind, state, connections, pending } };
}
