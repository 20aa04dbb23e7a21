/** express-fleet: one shared memory for many Express instances. */
export { createFleet, type CloseOptions, type Fleet, type FleetOptions, type FleetStats } from "./fleet.js";
export type { ClosableServer } from "./drain-server.js";
export type { FleetEvents } from "./open-backends.js";
export type {
  BackendEvents,
  BackendKind,
  BackendState,
  BackendStats,
  Topology,
  TopologyNode,
} from "./backend/index.js";
export type { RoomName } from "./config/backend-config.js";
export {
  fromIoredis,
  type BackendOption,
  type FleetConfigOptions,
  type IoredisBackend,
  type IoredisClient,
  type NodeAddress,
  type RedisOptionsObject,
} from "./config/index.js";
export type { Duration } from "./core/duration.js";
export {
  ClosedError,
  ConfigError,
  CorruptDataError,
  FleetError,
  isFleetError,
  OverloadedError,
  PermissionError,
  StorageFullError,
  TimeoutError,
  UnavailableError,
  type ConfigProblem,
  type Executed,
} from "./core/errors.js";
export type { FeedStats, Instance, InstanceDetails } from "./feed/index.js";
export type { Logger } from "./core/logger.js";
export * from "./locks/index.js";
