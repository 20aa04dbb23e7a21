import type { Origin } from "./backend-config.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";

/**
 * Makes of `tls` as Node takes it what our own option takes: certificates that are bytes, or lists, become texts.
 * What cannot be said in our option is `ERR_FLEET_CONFIG_UNSUPPORTED` and left out.
 */
export function fromNodeTls(value: unknown, origin: Origin, report: Report): unknown {
  const profile = typeof value === "string" ? value : isRecord(value) ? value["profile"] : undefined;
  if (profile !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `${origin.name} is a profile of ioredis, whose certificates are not known here`,
      "tls: { ca: the certificate of your provider }",
    );
    return undefined;
  }
  if (!isRecord(value)) return value;
  const { checkServerIdentity, ...rest } = value;
  if (checkServerIdentity !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `${origin.name}.checkServerIdentity cannot be used: the fleet checks the server's name itself`,
      "give the name that its certificate has as servername",
    );
  }
  const entries = Object.entries(rest).filter(([, part]) => part !== undefined && part !== null);
  return Object.fromEntries(
    entries.map(([name, part]) => {
      if (name !== "ca" && name !== "cert" && name !== "key") return [name, part];
      return [name, asText(part, `${origin.name}.${name}`, report)];
    }),
  );
}

function asText(value: unknown, where: string, report: Report): string | undefined {
  const texts = [value].flat().map((part: unknown) => {
    if (typeof part === "string") return part;
    const text = part instanceof Uint8Array ? Buffer.from(part).toString("utf8") : "";
    return text.includes("-----BEGIN ") ? text : undefined;
  });
  if (texts.length > 0 && texts.every((text) => text !== undefined)) return texts.join("\n");
  report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be in PEM, as text or bytes`, "-----BEGIN CERTIFICATE-----");
  return undefined;
}
