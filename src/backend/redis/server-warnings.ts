import type { BackendEvents } from "../backend.js";
import type { ServerInfo } from "./server-info.js";

/** What the operators of a server should mend, by what it tells of itself; undefined when it does not tell. */
export function warningsOf(info: ServerInfo | undefined): readonly BackendEvents["warning"][] {
  if (info === undefined) {
    const message =
      "a server does not let INFO be read: its version, its mode and whether it is a replica are not checked";
    return [{ code: "WARN_FLEET_INFO_REFUSED", message }];
  }
  const { evictionPolicy } = info;
  if (evictionPolicy === "" || evictionPolicy === "noeviction") return [];
  const message = `the server may evict sessions and locks: maxmemory-policy is ${evictionPolicy}, set it to noeviction`;
  return [{ code: "WARN_FLEET_EVICTION_POLICY", message }];
}
