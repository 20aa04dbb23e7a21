/** Whether an instance lives, and whether it should get traffic: the states of the backend and the rooms, over HTTP. */
export { Health, type HealthOptions, type HealthReport, type ReadinessReport } from "./health.js";
export type { HealthCheck, HealthSource, HealthStatus } from "./health-source.js";
