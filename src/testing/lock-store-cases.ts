import { askingCases } from "./lock-store-asking-cases.js";
import { endingCases, renewingCases } from "./lock-store-ending-cases.js";
import type { LockStoreCase } from "./lock-store-fixture.js";
import { forceCases } from "./lock-store-force-cases.js";
import { registerCases } from "./lock-store-register-cases.js";

/** What every adapter of the lock port must do. */
export const lockStoreCases: readonly LockStoreCase[] = [
  ...askingCases,
  ...endingCases,
  ...renewingCases,
  ...forceCases,
  ...registerCases,
];
