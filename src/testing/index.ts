/** For tests of your own: a clock that you turn, and the suites that every adapter of a port must pass. Unstable: may change in any release. */
export { FakeClock } from "./fake-clock.js";
export { fullLockStoreSuite, lockStoreSuite } from "./lock-store-suite.js";
export type { FillableLockStoreHarness, LockStoreHarness, LockStoreSuiteOptions } from "./lock-store-suite.js";
export { fullLogStoreSuite, logStoreSuite } from "./log-store-suite.js";
export type { FillableLogStoreHarness, LogStoreHarness, LogStoreSuiteOptions } from "./log-store-suite.js";
export { fullReservationStoreSuite, reservationStoreSuite } from "./reservation-store-suite.js";
export type {
  FillableReservationStoreHarness,
  ReservationStoreHarness,
  ReservationStoreSuiteOptions,
} from "./reservation-store-suite.js";
export { fullRosterStoreSuite, rosterStoreSuite } from "./roster-store-suite.js";
export type { FillableRosterStoreHarness, RosterStoreHarness, RosterStoreSuiteOptions } from "./roster-store-suite.js";
export { fullSessionStoreSuite, sessionStoreSuite } from "./session-store-suite.js";
export type {
  FillableSessionStoreHarness,
  SessionStoreHarness,
  SessionStoreSuiteOptions,
} from "./session-store-suite.js";
export type {
  DestroyResult,
  LoadResult,
  PutParams,
  PutResult,
  SessionRecord,
  SessionStore,
  TouchResult,
  UpdateParams,
  UpdateResult,
  WriteId,
} from "../sessions/session-store.js";
export type {
  CheckResult,
  ReleaseOutcome,
  Reservation,
  ReservationChange,
  ReservationEnd,
  ReservationOperation,
  ReservationOwner,
  ReservationStore,
  ReserveOutcome,
  ReserveParams,
  ReserveResult,
} from "../reservations/reservation-store.js";
export type {
  AskResult,
  EndResult,
  ForceParams,
  ForceRefusal,
  ForceReleaseResult,
  LockCallOptions,
  LockClaim,
  LockEnded,
  LockForce,
  LockGrant,
  LockRequest,
  LockStore,
  LockView,
  LockWait,
  RenewResult,
  StealResult,
  StoredHolder,
  WriteRegisterResult,
} from "../locks/lock-store.js";
export type { LogAddress, LogEntry, LogMark, LogStore, LogSync } from "../feed/log-store.js";
export type { RosterRow, RosterStore } from "../feed/roster-store.js";
export type { Clock, Timer } from "../core/clock.js";
