import { endingCases } from "./reservation-store-ending-cases.js";
import type { ReservationStoreCase } from "./reservation-store-fixture.js";
import { readingCases } from "./reservation-store-reading-cases.js";
import { reservingCases } from "./reservation-store-reserving-cases.js";
import { takingCases } from "./reservation-store-taking-cases.js";

/** Every case of the port of reservations. */
export const reservationStoreCases: readonly ReservationStoreCase[] = [
  ...reservingCases,
  ...endingCases,
  ...takingCases,
  ...readingCases,
];
