import { destroyingCases, expiringCases, touchingCases } from "./session-store-ending-cases.js";
import type { SessionStoreCase } from "./session-store-fixture.js";
import { creatingCases, updatingCases } from "./session-store-writing-cases.js";

/** What every adapter of the session port must do, whatever delivers the calls. */
export const sessionStoreCases: readonly SessionStoreCase[] = [
  ...creatingCases,
  ...updatingCases,
  ...touchingCases,
  ...destroyingCases,
  ...expiringCases,
];
