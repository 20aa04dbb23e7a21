export {
  LockBusyError,
  LockLostError,
  LockTimeoutError,
  SelfDeadlockError,
  StaleTokenError,
  type LossReason,
} from "./errors.js";
export type { Election, ElectOptions, Leadership } from "./election.js";
export type { FencedRegister, FencedValue, TokenBearer } from "./fenced-register.js";
export type { Lock } from "./held-lock.js";
export { lockOf, type LockedRequest, type WithLockOptions } from "./lock-middleware.js";
export type { LockDescription, LockHolder } from "./lock-notes.js";
export type { AcquireOptions, LockGuarantee, LockOptions, LocksOptions } from "./lock-options.js";
export type { LockInspection, LocksOfInstance } from "./lock-views.js";
export type {
  ForceOptions,
  ForceResult,
  LockLevel,
  Locks,
  LocksStats,
  OnceResult,
  StealOutcome,
  TryResult,
} from "./locks.js";
