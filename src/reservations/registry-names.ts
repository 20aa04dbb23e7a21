import type { KeySpace } from "../backend/keys.js";
import type { LogAddress } from "../feed/log-store.js";

/** What the feed calls the room of a registry; the channel of its hints is `hintChannel` of it. */
export function registryRoom(registry: string): string {
  return `reservations.${registry}`;
}

/** Where the changes of a registry are told, each as JSON of a `ReservationChange`. */
export function registryLog(keys: KeySpace, registry: string): LogAddress {
  return {
    key: keys.key("reservations", registry, "log"),
    channel: keys.hintChannel(registryRoom(registry)),
    name: "log",
  };
}
