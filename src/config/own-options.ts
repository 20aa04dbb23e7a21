import { suggestion } from "../core/nearest-name.js";
import { type RoomName, roomNames } from "./backend-config.js";
import { readBackendOption } from "./backend-option.js";
import { isRecord, printableSetting, readText, refuseUnknown } from "./node-entry.js";
import { BackendPlace, type OptionPlace } from "./option-place.js";
import type { FleetConfigOptions } from "./options.js";
import type { Report } from "./problems.js";
import { readExternalUrl, readInstance, readNamespace, readTimeout } from "./scalars.js";
import { type Layer, Settings } from "./settings.js";

const timeouts = ["connect", "command", "start"] as const;
/** Our own names, in code and in a file. */
export const optionNames = [
  "backend",
  "backends",
  "namespace",
  "instance",
  "externalUrl",
  "timeouts",
  "maxPending",
  "allowInsecureTls",
] as const;

/** Reads our own options. `otherNames` are read elsewhere. */
export function readOptions(
  options: FleetConfigOptions,
  otherNames: readonly string[],
  place: OptionPlace,
  report: Report,
): Layer {
  if (!isRecord(options)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "the options of createFleet must be an object");
    return { settings: new Settings(), namesBackend: false };
  }
  refuseUnknown(options, [...optionNames, ...otherNames], place.title, report);
  const settings = new Settings();
  readIdentity(options, settings, place, report);
  readTimeouts(options["timeouts"], settings, place, report);
  readLimits(options, settings, place, report);
  const rooms = readRooms(options["backends"], place, report);
  const { backend } = options;
  if (backend === undefined) return { settings, namesBackend: false, rooms };
  const named = readBackendOption(backend, new BackendPlace(place, "backend"), report);
  settings.claimAll(named.settings, report);
  return { ...named, settings, rooms };
}

function readRooms(given: unknown, place: OptionPlace, report: Report): ReadonlyMap<RoomName, Layer> {
  const rooms = new Map<RoomName, Layer>();
  const where = place.origin("backends").name;
  const help = `rooms with a backend of their own: ${roomNames.join(", ")}`;
  if (given !== undefined && !isRecord(given))
    report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be an object with rooms`, help);
  for (const [name, backend] of Object.entries(isRecord(given) ? given : {})) {
    const room = roomNames.find((known) => known === name);
    if (room === undefined) {
      const message = `${where} has ${printableSetting(name)}, a room that this version does not have`;
      report.problem("ERR_FLEET_CONFIG_UNSUPPORTED", `${message}${suggestion(name, roomNames)}`, help);
    } else if (backend !== undefined)
      rooms.set(room, readBackendOption(backend, new BackendPlace(place, `backends.${room}`), report));
  }
  return rooms;
}

type Options = Readonly<Record<string, unknown>>;

function readIdentity(options: Options, settings: Settings, place: OptionPlace, report: Report): void {
  const claim = <N extends "namespace" | "instance" | "externalUrl">(
    name: N,
    read: (text: string, name: string, report: Report) => Parameters<typeof settings.claim<N>>[1] | undefined,
  ): void => {
    const origin = place.origin(name);
    const text = readText(options[name], origin.name, report);
    const value = text === undefined ? undefined : read(text, origin.name, report);
    if (value !== undefined) settings.claim(name, value, origin, report);
  };
  claim("namespace", readNamespace);
  claim("instance", readInstance);
  claim("externalUrl", readExternalUrl);
}

function readTimeouts(given: unknown, settings: Settings, place: OptionPlace, report: Report): void {
  if (given === undefined) return;
  const where = place.origin("timeouts").name;
  if (!isRecord(given)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be an object`);
    return;
  }
  refuseUnknown(given, timeouts, where, report);
  for (const name of timeouts) {
    const origin = place.origin(`timeouts.${name}`);
    const value = given[name] === undefined ? undefined : readTimeout(given[name], origin.name, report);
    if (value !== undefined) settings.claim(`backend.timeouts.${name}`, value, origin, report);
  }
}

function readLimits({ maxPending, allowInsecureTls }: Options, settings: Settings, place: OptionPlace, report: Report) {
  const insecure = place.origin("allowInsecureTls");
  if (typeof allowInsecureTls === "boolean") settings.claim("allowInsecureTls", allowInsecureTls, insecure, report);
  else if (allowInsecureTls !== undefined)
    report.problem("ERR_FLEET_CONFIG_TYPE", `${insecure.name} must be true or false`);
  if (maxPending === undefined) return;
  const pending = place.origin("maxPending");
  if (typeof maxPending === "number" && Number.isSafeInteger(maxPending) && maxPending >= 1)
    settings.claim("backend.maxPending", maxPending, pending, report);
  else report.problem("ERR_FLEET_CONFIG_NUMBER", `${pending.name} must be a whole number of 1 or more`);
}
