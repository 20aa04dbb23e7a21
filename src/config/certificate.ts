import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Report } from "./problems.js";

const soon = 14 * 86_400_000;

/** A text with the name of the setting that gave it. */
export interface NamedText {
  readonly text: string;
  readonly where: string;
}

/**
 * Looks at the certificate of this client: one that does not belong to its key is `ERR_FLEET_CONFIG_TLS_PAIR`, one that
 * ends within 14 days, or has ended, the notice `WARN_FLEET_CERT_EXPIRES`. `now` is in milliseconds since 1970. What is
 * neither certificate nor key is left to the connection, which tries again when the file has changed.
 */
export function checkCertificate(
  certificate: NamedText,
  key: NamedText | undefined,
  now: number,
  report: Report,
): void {
  const read = attempt(() => new X509Certificate(certificate.text));
  if (read === undefined) return;
  const end = Date.parse(read.validTo);
  if (end - now < soon) {
    report.notice(
      "WARN_FLEET_CERT_EXPIRES",
      `the certificate of ${certificate.where} ${end < now ? "has ended" : "ends within 14 days"}: ${new Date(end).toISOString()}`,
      "write a new one to the same file: it is read anew at each connection",
    );
  }
  const secret = key === undefined ? undefined : attempt(() => createPrivateKey(key.text));
  if (secret === undefined || read.checkPrivateKey(secret)) return;
  report.problem(
    "ERR_FLEET_CONFIG_TLS_PAIR",
    `the certificate of ${certificate.where} does not belong to the key of ${key?.where ?? "this client"}`,
    "give the two that were made together",
  );
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
