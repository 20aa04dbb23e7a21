/** What every room may ask of whatever backend it runs on, and what a fleet tells of it. */
export type {
  AnyBackend,
  Backend,
  BackendEvents,
  BackendKind,
  BackendState,
  BackendStats,
  Capabilities,
  MemoryBackend,
  RedisBackend,
  Topology,
  TopologyNode,
} from "./backend.js";
