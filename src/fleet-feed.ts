import type { AnyBackend } from "./backend/backend.js";
import type { FleetConfig, RoomName } from "./config/backend-config.js";
import { systemClock } from "./core/clock.js";
import type { Logger } from "./core/logger.js";
import { settingsFingerprint, type Fact } from "./core/settings-fingerprint.js";
import { Feed } from "./feed/feed.js";
import { fleetSettings, type Whereabouts } from "./fleet-settings.js";
import { version } from "./version.js";

/** What the feed of a fleet is made of. */
export interface FleetFeedOptions {
  readonly backend: AnyBackend;
  readonly config: Pick<FleetConfig, "backend" | "backends" | "namespace" | "instance">;
  /** What of each room that the app uses must be the same on all instances; more as the app sets itself up. */
  readonly rooms: () => Readonly<Partial<Record<RoomName, Fact>>>;
  readonly here: Whereabouts;
  readonly logger: Logger;
}

/** Joins the instances of a backend, and warns of those that are set up differently. */
export function createFleetFeed({ backend, config, rooms, here, logger }: FleetFeedOptions): Feed {
  const { namespace, instance } = config;
  return new Feed({
    backend,
    clock: systemClock,
    details() {
      const parts = Object.entries(rooms()).map(([room, fact]) => [room, settingsFingerprint(namespace, fact)]);
      // Rooms are compared one by one: applications that use different ones may well be one fleet.
      const fleet = fleetSettings(config, {}, here);
      return {
        name: instance,
        version,
        settings: { fleet: settingsFingerprint(namespace, fleet), ...Object.fromEntries(parts) },
      };
    },
    onDiffer(other, parts) {
      const fields = { code: "WARN_FLEET_SETTINGS_DIFFER", other: other.name, parts };
      const what = `the instance ${other.name} (${other.id}) is set up differently in: ${parts.join(", ")}`;
      logger.warn(fields, `${what}; all instances of a fleet need the same settings and secrets`);
    },
    onError(error, what) {
      const { code, message } = failures[what];
      logger.error({ code, err: error }, message);
    },
  });
}

const failures = {
  letter: { code: "WARN_FLEET_LETTER", message: "handling a letter failed" },
  roster: { code: "WARN_FLEET_ROSTER", message: "the other instances do not hear of this one" },
} as const;
