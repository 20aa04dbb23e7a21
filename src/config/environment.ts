import { readAddressMap } from "./address-map.js";
import { readBackendText } from "./backend-option.js";
import { type Origin, type RoomName, roomNames } from "./backend-config.js";
import { nearestName } from "../core/nearest-name.js";
import type { Report } from "./problems.js";
import { readBoolean, readExternalUrl, readInstance, readNamespace, readTimeout, variable } from "./scalars.js";
import type { Environment } from "./secret.js";
import { type Layer, Settings } from "./settings.js";

/** The variable that names the backend of a room. */
export const roomVariable = (room: string): string => `FLEET_${room.toUpperCase()}_BACKEND`;

/** Every native variable that this version reads. */
export const nativeVariables: readonly string[] = [
  "FLEET_BACKEND",
  ...roomNames.map(roomVariable),
  "FLEET_CONFIG",
  "FLEET_NAMESPACE",
  "FLEET_INSTANCE",
  "FLEET_EXTERNAL_URL",
  "FLEET_USERNAME",
  "FLEET_PASSWORD",
  "FLEET_PASSWORD_FILE",
  "FLEET_SENTINEL_NAME",
  "FLEET_SENTINEL_PASSWORD",
  "FLEET_SENTINEL_PASSWORD_FILE",
  "FLEET_TLS",
  "FLEET_TLS_CA_FILE",
  "FLEET_TLS_CERT_FILE",
  "FLEET_TLS_KEY_FILE",
  "FLEET_TLS_SERVERNAME",
  "FLEET_ADDRESS_MAP",
  "FLEET_CONNECT_TIMEOUT",
  "FLEET_COMMAND_TIMEOUT",
];

const laterVariables = ["locks", "reservations", "cache", "operations"].map(roomVariable);

const fromVariable = (name: string): Origin => ({ origin: "env", name });

/** Reads the `FLEET_*` variables. The address of a backend that code names is not looked at. */
export function readNative(env: Environment, code: Layer, report: Report): Layer {
  const settings = new Settings();
  checkNames(env, report);
  readIdentity(env, settings, report);
  readSecrets(env, settings, report);
  readTlsVariables(env, settings, report);
  for (const [name, path] of [
    ["FLEET_CONNECT_TIMEOUT", "backend.timeouts.connect"],
    ["FLEET_COMMAND_TIMEOUT", "backend.timeouts.command"],
  ] as const) {
    const text = variable(env, name);
    const value = text === undefined ? undefined : readTimeout(text, name, report, true);
    if (value !== undefined) settings.claim(path, value, fromVariable(name), report);
  }
  const mapText = variable(env, "FLEET_ADDRESS_MAP");
  const map = mapText === undefined ? undefined : readAddressMap(mapText, fromVariable("FLEET_ADDRESS_MAP"), report);
  if (map !== undefined) settings.claim("backend.addressMap", map, fromVariable("FLEET_ADDRESS_MAP"), report);
  const rooms = new Map<RoomName, Layer>();
  for (const room of roomNames) {
    const named = readAddressVariable(env, roomVariable(room), code.rooms?.get(room), report);
    if (named !== undefined) rooms.set(room, { settings: new Settings(), ...named });
  }
  const named = readAddressVariable(env, "FLEET_BACKEND", code, report) ?? { namesBackend: false };
  return { settings, rooms, ...named };
}

function readAddressVariable(
  env: Environment,
  name: string,
  code: Layer | undefined,
  report: Report,
): Omit<Layer, "settings"> | undefined {
  const text = variable(env, name);
  if (text === undefined) return undefined;
  if (code?.namesBackend === true) {
    const by = code.target === undefined ? "" : `, because ${code.target.origin.name} in code names the backend`;
    report.notice("INFO_FLEET_OVERRIDDEN", `not used${by}: ${name}`);
    return undefined;
  }
  const target = readBackendText(text, fromVariable(name), report);
  return { namesBackend: true, ...(target === undefined ? {} : { target }) };
}

function readIdentity(env: Environment, settings: Settings, report: Report): void {
  const namespace = variable(env, "FLEET_NAMESPACE");
  const readName = namespace === undefined ? undefined : readNamespace(namespace, "FLEET_NAMESPACE", report);
  if (readName !== undefined) settings.claim("namespace", readName, fromVariable("FLEET_NAMESPACE"), report);
  const instance = variable(env, "FLEET_INSTANCE");
  const readInstanceName = instance === undefined ? undefined : readInstance(instance, "FLEET_INSTANCE", report);
  if (readInstanceName !== undefined)
    settings.claim("instance", readInstanceName, fromVariable("FLEET_INSTANCE"), report);
  const url = variable(env, "FLEET_EXTERNAL_URL");
  const externalUrl = url === undefined ? undefined : readExternalUrl(url, "FLEET_EXTERNAL_URL", report);
  if (externalUrl !== undefined) settings.claim("externalUrl", externalUrl, fromVariable("FLEET_EXTERNAL_URL"), report);
}

function readSecrets(env: Environment, settings: Settings, report: Report): void {
  const username = variable(env, "FLEET_USERNAME");
  if (username !== undefined) settings.claim("backend.username", username, fromVariable("FLEET_USERNAME"), report);
  const sentinelName = variable(env, "FLEET_SENTINEL_NAME");
  if (sentinelName !== undefined)
    settings.claim("backend.sentinel.name", sentinelName, fromVariable("FLEET_SENTINEL_NAME"), report);
  for (const [name, path] of [
    ["FLEET_PASSWORD", "backend.password"],
    ["FLEET_SENTINEL_PASSWORD", "backend.sentinel.password"],
  ] as const) {
    // A password keeps its spaces.
    const password = env[name];
    const file = variable(env, `${name}_FILE`);
    if (password !== undefined && password !== "") settings.claim(path, password, fromVariable(name), report);
    if (file !== undefined) settings.claim(path, { file }, fromVariable(`${name}_FILE`), report);
  }
}

function readTlsVariables(env: Environment, settings: Settings, report: Report): void {
  const text = variable(env, "FLEET_TLS");
  const tls = text === undefined ? undefined : readBoolean(text, "FLEET_TLS", report);
  if (tls !== undefined) settings.claim("backend.tls", tls, fromVariable("FLEET_TLS"), report);
  for (const [name, path] of [
    ["FLEET_TLS_CA_FILE", "backend.tls.caFile"],
    ["FLEET_TLS_CERT_FILE", "backend.tls.certFile"],
    ["FLEET_TLS_KEY_FILE", "backend.tls.keyFile"],
    ["FLEET_TLS_SERVERNAME", "backend.tls.servername"],
  ] as const) {
    const value = variable(env, name);
    if (value === undefined) continue;
    settings.claim(path, value, fromVariable(name), report);
    // Whoever names a certificate wants TLS; without it the certificate would be ignored and all sent in the clear.
    if (tls === undefined && settings.get("backend.tls") === undefined)
      settings.claim("backend.tls", true, fromVariable(name), report);
    if (tls === false) {
      report.problem(
        "ERR_FLEET_CONFIG_CONFLICT",
        `FLEET_TLS turns TLS off, but ${name} is for TLS`,
        `leave one of the two out`,
      );
    }
  }
}

function checkNames(env: Environment, report: Report): void {
  const unknown: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith("FLEET_") || variable(env, name) === undefined) continue;
    if (laterVariables.includes(name)) {
      report.problem(
        "ERR_FLEET_CONFIG_UNSUPPORTED",
        `${name} is set, but this version does not have that room`,
        `unset ${name}; rooms with a backend of their own: ${roomNames.join(", ")}`,
      );
      continue;
    }
    // Kubernetes sets such variables in every pod for a Service whose name begins with "fleet".
    if (/_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT(?:_|$)/.test(name) || nativeVariables.includes(name)) continue;
    const nearest = nearestName(
      name.slice("FLEET_".length),
      nativeVariables.map((known) => known.slice("FLEET_".length)),
    );
    unknown.push(nearest === undefined ? name : `${name} (did you mean FLEET_${nearest}?)`);
  }
  if (unknown.length === 0) return;
  report.notice(
    "WARN_FLEET_UNKNOWN_VARIABLE",
    `nobody reads ${unknown.join(", ")}`,
    `known: ${nativeVariables.join(", ")}`,
  );
}
