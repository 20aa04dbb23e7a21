export type { Reservation, ReservationOwner } from "./reservation-store.js";
