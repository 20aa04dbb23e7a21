/**
 * Where the options of a fleet come from: code, `FLEET_*` variables and the dialects, in one normalized shape with the
 * origin of every value. It connects nowhere; whatever is wrong is told at once, with its place and without secrets.
 */
export type {
  AddressMap,
  BackendConfig,
  FleetConfig,
  FreshCredentials,
  MemoryBackendConfig,
  NodeAddress,
  Notice,
  Origin,
  RedisBackendConfig,
  RoomName,
  Secret,
  SecretFunction,
  SentinelConfig,
  Timeouts,
  TlsConfig,
  TlsVersion,
} from "./backend-config.js";
export type {
  AddressMapOption,
  BackendOption,
  FleetConfigOptions,
  RedisClientOptions,
  RedisConnectionOptions,
  RedisNode,
  RedisNodesOptions,
  RedisOptionsObject,
  RedisSettingsOptions,
  RedisUrlOptions,
  SentinelOptions,
} from "./options.js";
export { fromIoredis, type IoredisBackend, type IoredisClient } from "./from-ioredis.js";
export { describeStart, formatNode } from "./describe.js";
export { resolveConfig, type ResolveInput } from "./resolve.js";
export { readConfigFile, readSecret, type Environment, type ReadFile } from "./secret.js";
