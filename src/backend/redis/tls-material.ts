import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { TlsConfig } from "../../config/backend-config.js";
import { readConfigFile } from "../../config/secret.js";

/** What `tls.connect` takes. */
export type TlsMaterial = TlsOptions;

/** Reads certificate files, anew for each connection, and makes the options of `tls.connect`; undefined without TLS. */
export function tlsMaterial(tls: TlsConfig | undefined): TlsMaterial | undefined {
  if (tls === undefined) return undefined;
  const read = (value: string | undefined, file: string | undefined, what: string): string | undefined =>
    value ?? (file === undefined ? undefined : readConfigFile(file, readText, what));
  const ca = read(tls.ca, tls.caFile, "tls.caFile");
  const cert = read(tls.cert, tls.certFile, "tls.certFile");
  const key = read(tls.key, tls.keyFile, "tls.keyFile");
  return {
    minVersion: tls.minVersion ?? "TLSv1.2",
    ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
  };
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}
