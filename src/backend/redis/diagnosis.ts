import type { NodeAddress } from "../../config/backend-config.js";
import { FleetError, isFleetError, PermissionError, UnavailableError } from "../../core/errors.js";
import { addressText } from "./node.js";
import { tlsNotSpoken, tlsWanted } from "./probe.js";
import type { ServerInfo } from "./server-info.js";

/** A mistake that waiting does not mend: what was found, and the line to write. */
function mistake(code: string, message: string, help: string, cause?: unknown): FleetError {
  return new FleetError(code, message, { help, status: 503, ...(cause === undefined ? {} : { cause }) });
}

const networkHelp: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is the server running, is the port right?",
  ENOTFOUND: "the name does not resolve from here",
  EAI_AGAIN: "the name server does not answer: does the name resolve from here?",
  ETIMEDOUT: "no answer: a firewall, or the wrong address",
  EHOSTUNREACH: "there is no route to it",
  ECONNRESET: "it hung up: a TLS port spoken to in plain text, or a proxy without a server behind it",
  ENOENT: "there is no such socket: is the server running, is the path right?",
  EACCES: "this process may not use that socket",
};

const hungUp = /^Connection is closed/;
const notRedis = /^Unknown RESP type/;
const tlsCode = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/;

/** The first that fits; a code is Node's, or what a server said in a TLS alert. */
const tlsHelp: readonly (readonly [pattern: RegExp, help: string])[] = [
  [new RegExp(tlsWanted), "turn TLS on: write rediss:// for redis://, or FLEET_TLS=true"],
  [new RegExp(`EPROTO|WRONG_VERSION_NUMBER|${tlsNotSpoken}`), "it does not speak TLS: remove tls, or use its TLS port"],
  [/CERTIFICATE_REQUIRED/, "it wants a client certificate (FLEET_TLS_CERT_FILE, FLEET_TLS_KEY_FILE)"],
  [
    /ALERT_HANDSHAKE_FAILURE/,
    "it wants a client certificate (FLEET_TLS_CERT_FILE, FLEET_TLS_KEY_FILE), or has no cipher in common with this side",
  ],
  [/ALERT_(PROTOCOL_VERSION|INAPPROPRIATE)|UNSUPPORTED_PROTOCOL/, "it speaks other versions of TLS: tls.minVersion"],
  [/ALERT_CERTIFICATE_EXPIRED/, "this client's certificate has ended: renew the one in FLEET_TLS_CERT_FILE"],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|DECRYPT)/,
    "it does not trust this client's certificate: FLEET_TLS_CERT_FILE must be signed by an authority that the server knows",
  ],
  [/ALTNAME/, "dial it by a name in its certificate, or say which one it has (FLEET_TLS_SERVERNAME)"],
  [/HAS_EXPIRED/, "the server's certificate has ended: renew it"],
  [/NOT_YET_VALID/, "the server's certificate is not valid yet: compare the clocks of both machines"],
  [/./, "give the authority that signed its certificate (FLEET_TLS_CA_FILE)"],
];

/** Whom an address belongs to: what is wrong with a sentinel's is mended elsewhere than with a server's. */
export type Peer = "server" | "sentinel";

interface Settings {
  readonly credentials: string;
  readonly password: string;
  readonly access: string;
}

const settings: Readonly<Record<Peer, Settings>> = {
  server: {
    credentials: "FLEET_USERNAME and FLEET_PASSWORD (or FLEET_PASSWORD_FILE)",
    password: "FLEET_PASSWORD",
    access: "+info +client|setname, on a cluster +cluster|slots too",
  },
  sentinel: {
    credentials: "FLEET_SENTINEL_PASSWORD (or FLEET_SENTINEL_PASSWORD_FILE), in code sentinel.username too,",
    password: "FLEET_SENTINEL_PASSWORD",
    access: "+sentinel +subscribe +info +client|setname, and the channels &*",
  },
};

/** What a server's own words mean; undefined for words that are none of these. */
function explainReply(error: Error, where: string, peer: Peer): FleetError | undefined {
  const { message } = error;
  const { credentials, password, access } = settings[peer];
  if (/^(WRONGPASS|NOAUTH)|^ERR (invalid password|wrong number of arguments for 'auth')/.test(message)) {
    const help = `set ${credentials} to a user that the ${peer} knows`;
    return mistake("ERR_FLEET_AUTH", `${where} refuses the credentials: ${message}`, help, error);
  }
  if (/^ERR (Client sent AUTH|AUTH <password> called without)/.test(message)) {
    const help = `leave the password away (${password}), or give the ${peer}'s default user one`;
    return mistake("ERR_FLEET_AUTH", `${where} has no password: ${message}`, help, error);
  }
  if (message.startsWith("DENIED")) {
    const help = `give its default user a password (requirepass) and set ${password}, or turn protected-mode off`;
    return mistake("ERR_FLEET_AUTH", `${where} serves only its own machine (protected mode)`, help, error);
  }
  if (message.startsWith("ERR SELECT is not allowed")) {
    const help = `leave the database away, and write redis+cluster://${where}`;
    return mistake("ERR_FLEET_DB_OUT_OF_RANGE", `${where} is a node of a cluster: only database 0`, help, error);
  }
  if (message.startsWith("ERR DB index is out of range")) {
    const help = "use database 0, or raise databases in the server's configuration";
    return mistake("ERR_FLEET_DB_OUT_OF_RANGE", `${where} has no such database: ${message}`, help, error);
  }
  if (message.startsWith("NOPERM")) {
    const help = `the user needs ${access}; the whole line is in docs/topologies.md`;
    return new PermissionError(`${where} does not allow the handshake: ${message}`, {
      cause: error,
      help,
      status: 503,
    });
  }
  const passing = passingReplies.find(([pattern]) => pattern.test(message));
  if (passing === undefined) return undefined;
  return new UnavailableError(`${where} ${passing[1]}`, { cause: error, help: passing[2] });
}

/** States of a server that end by themselves, or when somebody acts there. */
const passingReplies: readonly (readonly [pattern: RegExp, message: string, help: string])[] = [
  [
    /^ERR max number of clients/,
    "has no room for another connection (maxclients)",
    "raise maxclients, or end connections that nobody needs: CLIENT LIST names them",
  ],
  [/^LOADING/, "is LOADING its data", "it answers when that is done; nothing is to be mended"],
  [/^BUSY/, "is BUSY with a script", "SCRIPT KILL ends one that has written nothing"],
];

/** Says what an attempt to connect really met, with the fix; errors that pass by waiting are `UnavailableError`. */
export function explain(error: Error, address: NodeAddress, peer: Peer = "server"): FleetError {
  if (isFleetError(error)) return error;
  const where = addressText(address);
  const { message } = error;
  const said = explainReply(error, where, peer);
  if (said !== undefined) return said;
  if (error.name === "ReplyError") return new UnavailableError(`${where} answers: ${message}`, { cause: error });
  if (notRedis.test(message)) {
    return new UnavailableError(`${where} does not answer as a Redis server does`, {
      cause: error,
      help: "no Redis listens there, or one that speaks TLS: is the port right, is tls set?",
    });
  }
  const code = (error as NodeJS.ErrnoException).code ?? (hungUp.test(message) ? "ECONNRESET" : "");
  if (tlsCode.test(code)) {
    const help = tlsHelp.find(([pattern]) => pattern.test(code))?.[1] ?? "";
    return mistake("ERR_FLEET_TLS", `${where} fails the TLS check: ${tlsReason(error)}`, help, error);
  }
  const help = networkHelp[code];
  return new UnavailableError(`${where} cannot be reached: ${message || code}`, {
    cause: error,
    ...(help === undefined ? {} : { help }),
  });
}

/** OpenSSL's own words without the place in its source. */
function tlsReason(error: Error): string {
  const { library, reason } = error as { library?: unknown; reason?: unknown };
  return typeof library === "string" && typeof reason === "string" ? reason : error.message.trim();
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
  if (kind === "single" && info.role === "slave") {
    const help = "give the address of the primary, or of sentinels: redis+sentinel://host:26379/NAME";
    return new UnavailableError(`${where} is a replica and takes no writes`, { help }, "ERR_FLEET_IS_REPLICA");
  }
  if (kind === "sentinel" && info.role === "slave") {
    const help = "the sentinels still name it as the primary: wait until they have promoted one";
    return new UnavailableError(`${where} is a replica and takes no writes`, { help });
  }
  return undefined;
}

/** What an address is that was given as a sentinel's and does not know SENTINEL. */
export function notSentinel(info: ServerInfo | undefined, address: NodeAddress, cause: Error): FleetError {
  const where = addressText(address);
  if (info?.mode === "cluster") {
    const help = `write redis+cluster://${where}, and leave the name of the primary away`;
    return mistake("ERR_FLEET_MODE_NOT_SENTINEL", `${where} is a node of a cluster, not a Sentinel`, help, cause);
  }
  const help = `for one server, or a service before it, write redis://${where} and leave the name of the primary away`;
  return mistake("ERR_FLEET_MODE_NOT_SENTINEL", `${where} is a Redis server, not a Sentinel`, help, cause);
}
