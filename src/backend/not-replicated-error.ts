import { UnavailableError } from "../core/errors.js";
import type { ScriptReply } from "./script.js";

/**
 * A script was carried out, and fewer replicas than it asked for had its effect in time: a failover may still lose it.
 *
 * `executed` is `yes`; `reply` is what the script answered, so that the caller can undo it by another one.
 */
export class NotReplicatedError extends UnavailableError {
  readonly reply: ScriptReply;

  constructor(message: string, reply: ScriptReply) {
    super(
      message,
      { executed: "yes", help: "look at the replicas: INFO replication on the primary lists those it is connected to" },
      "ERR_FLEET_NOT_REPLICATED",
    );
    this.reply = reply;
  }
}
