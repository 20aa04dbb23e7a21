import type { Origin, RedisBackendConfig, Secret, SentinelConfig, TlsConfig } from "./backend-config.js";
import type { BackendParts } from "./build-backend.js";
import { checkCertificate, type NamedText } from "./certificate.js";
import type { Ranked } from "./merge.js";
import { readConfigFile, readSecret } from "./secret.js";

/** Puts the backend together and reports what does not fit together; files that it names are read once, to be sure that they can be. */
export function buildRedisBackend(parts: BackendParts): RedisBackendConfig | undefined {
  const { target, merge, report } = parts;
  const { backend, origin } = target;
  if (backend.kind === "memory") return undefined;
  merge.provenance["backend.kind"] = origin;
  merge.provenance["backend.nodes"] = origin;
  const username = merge.take("backend.username");
  const password = merge.take("backend.password");
  if (username !== undefined && password === undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_AUTH",
      `${username.origin.name} gives a user name, but no password is given`,
      parts.room === undefined ? "give FLEET_PASSWORD or FLEET_PASSWORD_FILE" : "give it beside the user name",
    );
  }
  checkSecret(password, parts);
  const database = merge.takeOr("backend.database", 0);
  if (backend.kind === "cluster" && database !== 0) {
    report.problem(
      "ERR_FLEET_CONFIG_DB_CLUSTER",
      `${merge.provenance["backend.database"]?.name} asks for database ${database}, but a Redis Cluster has only database 0`,
      "leave the database out, and keep apps apart by FLEET_NAMESPACE",
    );
  }
  const sentinel = readSentinel(backend.kind, parts);
  const tls = readTls(parts);
  const addressMap = merge.take("backend.addressMap");
  const connect = merge.takeOr("backend.timeouts.connect", 5000);
  return {
    kind: backend.kind,
    nodes: backend.nodes,
    ...(sentinel === undefined ? {} : { sentinel }),
    ...(username === undefined ? {} : { username: username.value }),
    ...(password === undefined ? {} : { password: password.value }),
    database,
    ...(tls === undefined ? {} : { tls }),
    ...(addressMap === undefined ? {} : { addressMap: addressMap.value }),
    timeouts: {
      connect,
      command: readCommandTimeout(parts),
      start: merge.takeOr("backend.timeouts.start", Math.max(10_000, 2 * connect)),
    },
    maxPending: merge.takeOr("backend.maxPending", 10_000),
  };
}

// Scripts recognise a write that is delivered again for ten seconds of the server's time.
const longestCommand = 9_000;

function readCommandTimeout({ merge, report }: BackendParts): number {
  const given = merge.take("backend.timeouts.command");
  if (given === undefined) return merge.takeOr("backend.timeouts.command", 8000);
  if (given.value > longestCommand) {
    report.problem(
      "ERR_FLEET_CONFIG_DURATION",
      `${given.origin.name} must be at most ${longestCommand / 1000} s: a call that is repeated later is not recognised`,
      "leave it out for 8 s",
    );
  }
  return given.value;
}

function readSentinel(kind: "single" | "sentinel" | "cluster", parts: BackendParts): SentinelConfig | undefined {
  const { target, merge, report } = parts;
  if (kind !== "sentinel") {
    refuseSentinel(kind, parts);
    return undefined;
  }
  const name = merge.take("backend.sentinel.name");
  const username = merge.take("backend.sentinel.username");
  const password = merge.take("backend.sentinel.password");
  checkSecret(password, parts);
  if (username !== undefined && password === undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_AUTH",
      `${username.origin.name} gives a user name for the sentinels, but no password is given`,
      parts.room === undefined ? "give FLEET_SENTINEL_PASSWORD_FILE" : "give it beside the user name",
    );
  }
  if (name === undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_SENTINEL_NAME",
      `${target.origin.name} names sentinels, but not the primary that they monitor`,
      `write redis+sentinel://host1:26379,host2:26379/mymaster${parts.room === undefined ? ", or FLEET_SENTINEL_NAME=mymaster" : ""}`,
    );
    return undefined;
  }
  return {
    name: name.value,
    ...(username === undefined ? {} : { username: username.value }),
    ...(password === undefined ? {} : { password: password.value }),
  };
}

/** The name of a primary without sentinels means that the address is not what was meant; from a weaker source it is merely unused. */
function refuseSentinel(kind: "single" | "cluster", { target, merge, report }: BackendParts): void {
  const name = merge.peek("backend.sentinel.name");
  const meant = name !== undefined && name.rank <= merge.rankOf(target);
  if (meant) {
    report.problem(
      kind === "cluster" ? "ERR_FLEET_CONFIG_AMBIGUOUS_MODE" : "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE",
      `${name.origin.name} names a primary behind sentinels, but ${target.origin.name} is ${kind === "cluster" ? "a cluster" : "a single server"}`,
      "for sentinels write redis+sentinel://host1:26379,host2:26379/name",
    );
  }
  const unused = merge
    .names((path) => path.startsWith("backend.sentinel."))
    .filter((given) => !meant || given !== name.origin.name);
  if (unused.length > 0) report.notice("WARN_FLEET_UNUSED", `without sentinels nothing uses ${unused.join(", ")}`);
}

function readTls(parts: BackendParts): TlsConfig | undefined {
  const { target, merge, report } = parts;
  const asked = target.carried.get("backend.tls");
  const enabled = merge.peek("backend.tls");
  if (enabled?.value === false && asked?.value === true) {
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      `${enabled.origin.name} turns TLS off, but ${asked.origin.name} asks for it`,
      "write redis:// for a server without TLS",
    );
  }
  if (!merge.takeOr("backend.tls", false)) return undefined;
  const ca = fileOrText("ca", parts);
  const cert = fileOrText("cert", parts);
  const key = fileOrText("key", parts);
  const servername = merge.take("backend.tls.servername");
  const rejectUnauthorized = merge.take("backend.tls.rejectUnauthorized");
  const hasCert = (cert.config.cert ?? cert.config.certFile) !== undefined;
  if (cert.content !== undefined) checkCertificate(cert.content, key.content, parts.now, report);
  if (hasCert !== ((key.config.key ?? key.config.keyFile) !== undefined)) {
    report.problem(
      "ERR_FLEET_CONFIG_TLS_PAIR",
      `a certificate of this client and its key belong together, but only the ${hasCert ? "certificate" : "key"} is given`,
    );
  }
  const versions = readVersions(parts);
  if (rejectUnauthorized?.value === false && refusesInsecure(rejectUnauthorized.origin, parts)) {
    report.problem(
      "ERR_FLEET_CONFIG_TLS_INSECURE",
      `${rejectUnauthorized.origin.name} turns off the check of certificates, in production (NODE_ENV=production)`,
      "give the server's CA in FLEET_TLS_CA_FILE; if it is meant, allowInsecureTls: true in code",
    );
  } else if (rejectUnauthorized?.value === false) {
    report.notice(
      "WARN_FLEET_TLS_INSECURE",
      `${rejectUnauthorized.origin.name} turns off the check of certificates: whoever is on the way can read and change everything`,
      "give the server's CA in FLEET_TLS_CA_FILE",
    );
  }
  return {
    ...ca.config,
    ...cert.config,
    ...key.config,
    ...(servername === undefined ? {} : { servername: servername.value }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized: rejectUnauthorized.value }),
    ...versions,
  };
}

function refusesInsecure({ origin }: Origin, { merge, env }: BackendParts): boolean {
  return origin !== "code" && env["NODE_ENV"] === "production" && merge.peek("allowInsecureTls")?.value !== true;
}

function readVersions({ merge, report }: BackendParts): TlsConfig {
  const min = merge.take("backend.tls.minVersion");
  const max = merge.take("backend.tls.maxVersion");
  // In order of age their names are in order of letters.
  if (max !== undefined && (min?.value ?? "TLSv1.2") > max.value) {
    report.problem(
      "ERR_FLEET_CONFIG_TLS_RANGE",
      `${max.origin.name} is older than ${min === undefined ? "TLS 1.2, the oldest that is used unless the configuration names one" : min.origin.name}`,
      "leave both out for TLS 1.2 and newer",
    );
  }
  const old = [min, max].filter((end) => end?.value === "TLSv1" || end?.value === "TLSv1.1");
  if (old.length > 0) {
    report.notice(
      "WARN_FLEET_TLS_OLD",
      `${old.map((end) => end?.origin.name).join(", ")} allows a version of TLS that is broken`,
      "1.2 or 1.3",
    );
  }
  return {
    ...(min === undefined ? {} : { minVersion: min.value }),
    ...(max === undefined ? {} : { maxVersion: max.value }),
  };
}

/** A certificate or key as the configuration has it, and its text when that can be read. */
interface GivenPem {
  readonly config: TlsConfig;
  readonly content?: NamedText;
}

/** A certificate or key as text or as a file, whichever comes from the stronger source. */
function fileOrText(name: "ca" | "cert" | "key", parts: BackendParts): GivenPem {
  const { merge, report } = parts;
  const text = merge.peek(`backend.tls.${name}`);
  const file = merge.peek(`backend.tls.${name}File`);
  if (text !== undefined && file !== undefined && text.rank === file.rank) {
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      `${text.origin.name} and ${file.origin.name} both give the ${name} for TLS`,
      "keep one of the two",
    );
  }
  if (text !== undefined && (file === undefined || text.rank <= file.rank)) {
    merge.take(`backend.tls.${name}`);
    return { config: { [name]: text.value }, content: { text: text.value, where: text.origin.name } };
  }
  if (file === undefined) return { config: {} };
  merge.take(`backend.tls.${name}File`);
  const read = report.attempt(() => readConfigFile(file.value, parts.readFile, file.origin.name));
  return {
    config: { [`${name}File`]: file.value },
    ...(read === undefined ? {} : { content: { text: read, where: file.origin.name } }),
  };
}

function checkSecret(secret: Ranked<Secret> | undefined, { env, readFile, report }: BackendParts): void {
  const value = secret?.value;
  if (secret === undefined || typeof value === "function" || value === undefined) return;
  report.attempt(() => readSecret(value, env, readFile, secret.origin.name));
}
