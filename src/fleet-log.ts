import type { FleetConfig } from "./config/backend-config.js";
import { describeStart } from "./config/index.js";
import type { Logger } from "./core/logger.js";
import type { FleetBackends } from "./open-backends.js";

/** Says once what the fleet was configured with and from where, and what was found on the way. */
export function logStart(config: FleetConfig, logger: Logger): void {
  logger.info({ code: "INFO_FLEET_START" }, describeStart(config));
  for (const { code, message, help } of config.notices) {
    const fields = help === undefined ? { code } : { code, help };
    if (code.startsWith("WARN")) logger.warn(fields, message);
    else logger.info(fields, message);
  }
}

/** Says from now on what happens to the backends; a room's own one is named in the text and as `room`. */
export function logBackends(backends: FleetBackends, logger: Logger): void {
  backends.on("warning", ({ code, message, room }) => {
    if (room === undefined) logger.warn({ code }, message);
    else logger.warn({ code, room }, `${room}: ${message}`);
  });
  backends.on("state", ({ from, to, reason, room }) => {
    const who = room === undefined ? "the backend" : `the backend of ${room}`;
    const fields = { from, to, reason, ...(room === undefined ? {} : { room }) };
    if (to === "fatal")
      logger.error({ code: "WARN_FLEET_BACKEND_FATAL", ...fields }, `${who} cannot be used: ${reason}`);
    else logger.info({ code: "INFO_FLEET_STATE", ...fields }, `${who} is ${to}`);
  });
}
