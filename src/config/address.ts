import type { NodeAddress, Origin } from "./backend-config.js";
import type { Report } from "./problems.js";
import { Settings, type Target } from "./settings.js";
import { readTls } from "./tls.js";

/** What a `REDIS_URL`, in any of its forms, says. */
export interface Address {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly nodes: readonly NodeAddress[];
  /** A list, and not one URL: only a cluster can be meant. */
  readonly isList?: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: number | undefined;
  readonly sentinelName?: string | undefined;
  /** `true` for `rediss://`; what a JSON entry has under `tls`, unread. */
  readonly tls?: unknown;
}

/** The address as a backend that a source names, with what it carries beside it. */
export function addressTarget(address: Address, origin: Origin, report: Report): Target {
  const carried = new Settings();
  if (address.username !== undefined) carried.claim("backend.username", address.username, origin, report);
  if (address.password !== undefined) carried.claim("backend.password", address.password, origin, report);
  if (address.database !== undefined) carried.claim("backend.database", address.database, origin, report);
  if (address.sentinelName !== undefined) carried.claim("backend.sentinel.name", address.sentinelName, origin, report);
  if (address.tls !== undefined) readTls(address.tls, origin, carried, report);
  return { backend: { kind: address.kind, nodes: address.nodes }, origin, carried };
}
