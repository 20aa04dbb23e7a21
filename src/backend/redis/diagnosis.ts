import type { NodeAddress } from "../../config/backend-config.js";
import { FleetError, isFleetError, PermissionError, UnavailableError } from "../../core/errors.js";
import { addressText } from "./node.js";
import type { ServerInfo } from "./server-info.js";

/** A mistake that waiting does not mend: what was found, and the line to write. */
function mistake(code: string, message: string, help: string, cause?: unknown): FleetError {
  return new FleetError(code, message, { help, status: 503, ...(cause === undefined ? {} : { cause }) });
}

const networkHelp: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is the server running, is the port right?",
  ENOTFOUND: "the name does not resolve from here",
  EAI_AGAIN: "the name server does not answer",
  ETIMEDOUT: "no answer: a firewall, or the wrong address",
  EHOSTUNREACH: "there is no route to it",
  ECONNRESET: "it hung up: a TLS port spoken to in plain text, or a proxy without a server behind it",
  ENOENT: "there is no such socket: is the server running, is the path right?",
  EACCES: "this process may not use that socket",
};

const hungUp = /^Connection is closed/;
const notRedis = /^Unknown RESP type/;
const tlsCode = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/;

function tlsHelp(code: string): string {
  if (/EPROTO|WRONG_VERSION_NUMBER/.test(code)) return "it does not speak TLS: remove tls, or use its TLS port";
  if (code.includes("CERTIFICATE_REQUIRED"))
    return "it wants a client certificate (FLEET_TLS_CERT_FILE, FLEET_TLS_KEY_FILE)";
  return "give its certificate authority (FLEET_TLS_CA_FILE), or the name in its certificate (FLEET_TLS_SERVERNAME)";
}

/** Says what an attempt to connect really met, with the fix; errors that pass by waiting are `UnavailableError`. */
export function explain(error: Error, address: NodeAddress): FleetError {
  if (isFleetError(error)) return error;
  const where = addressText(address);
  const { message } = error;
  if (/^(WRONGPASS|NOAUTH)|^ERR (invalid password|wrong number of arguments for 'auth')/.test(message)) {
    return mistake(
      "ERR_FLEET_AUTH",
      `${where} refuses the credentials: ${message}`,
      "set FLEET_USERNAME and FLEET_PASSWORD (or FLEET_PASSWORD_FILE) to a user that the server knows",
      error,
    );
  }
  if (/^ERR (Client sent AUTH|AUTH <password> called without)/.test(message)) {
    return mistake(
      "ERR_FLEET_AUTH",
      `${where} has no password: ${message}`,
      "leave the password away, or give the server's default user one",
      error,
    );
  }
  if (/^ERR (DB index is out of range|SELECT is not allowed)/.test(message)) {
    return mistake("ERR_FLEET_DB_OUT_OF_RANGE", `${where} has no such database: ${message}`, "use database 0", error);
  }
  if (message.startsWith("NOPERM")) {
    return new PermissionError(`${where} does not allow the handshake: ${message}`, { cause: error });
  }
  if (notRedis.test(message)) {
    return new UnavailableError(`${where} does not answer as a Redis server does`, {
      cause: error,
      help: "no Redis listens there, or one that speaks TLS: is the port right, is tls set?",
    });
  }
  const code = (error as NodeJS.ErrnoException).code ?? (hungUp.test(message) ? "ECONNRESET" : "");
  if (tlsCode.test(code)) {
    return mistake("ERR_FLEET_TLS", `${where} fails the TLS check: ${message}`, tlsHelp(code), error);
  }
  const help = networkHelp[code];
  return new UnavailableError(`${where} cannot be reached: ${message || code}`, {
    cause: error,
    ...(help === undefined ? {} : { help }),
  });
}

/** Why a server that answered must not be used in this topology; undefined when it may. */
export function refusal(
  kind: "single" | "sentinel" | "cluster",
  info: ServerInfo,
  address: NodeAddress,
): FleetError | undefined {
  const where = addressText(address);
  const major = Number(info.version.split(".")[0]);
  if (info.mode === "sentinel") {
    return mistake(
      "ERR_FLEET_MODE_IS_SENTINEL",
      `${where} is a Sentinel, not a data node`,
      "use redis+sentinel://host:26379/NAME, with the name of the primary",
    );
  }
  if (info.flavor === "redis" && info.version !== "" && major < 5) {
    return mistake("ERR_FLEET_VERSION", `${where} runs Redis ${info.version}`, "Redis 5.0 or later is needed");
  }
  if (kind === "cluster" && info.mode === "standalone") {
    return mistake(
      "ERR_FLEET_MODE_NOT_CLUSTER",
      `${where} is not part of a cluster (cluster support disabled)`,
      `for one server write redis://${where}`,
    );
  }
  if (kind !== "cluster" && info.mode === "cluster") {
    return mistake(
      "ERR_FLEET_MODE_IS_CLUSTER",
      `${where} is a node of a cluster`,
      `write redis+cluster://${where}, or REDIS_URL='[{"host":"${address.host}","port":${address.port}}]'`,
    );
  }
  if (kind !== "cluster" && info.role === "slave") {
    return new UnavailableError(`${where} is a replica and takes no writes`, {
      help: "give the address of the primary",
    });
  }
  return undefined;
}
