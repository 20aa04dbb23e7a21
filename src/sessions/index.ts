export { SessionConflictError, SessionGoneError } from "./errors.js";
export type { ExpressStore } from "./express-session-store.js";
export type { FieldMerge, MergeOptions } from "./merge.js";
export type { SessionCookieOptions, SessionMiddlewareOptions } from "./middleware-options.js";
export type { SessionsOptions } from "./session-options.js";
export type { SessionCounter } from "./session-room.js";
export type { Sessions, SessionsStats } from "./sessions.js";
export type { StoreOptions } from "./store-options.js";
