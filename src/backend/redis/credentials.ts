import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { Secret, TlsConfig } from "../../config/backend-config.js";
import { readConfigFile, readSecret } from "../../config/secret.js";

/** What a connection authenticates with, read anew at each connection so that a changed secret is picked up. */
export interface Credentials {
  read(): Promise<SignIn>;
}

/** What AUTH is sent with; without a password nothing is. */
export interface SignIn {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What `tls.connect` takes. */
export type TlsMaterial = TlsOptions;

/** Reads the user and the secret where they live now; `where` names the secret when it cannot be read. */
export function credentialsOf(username: string | undefined, password: Secret | undefined, where: string): Credentials {
  return {
    async read() {
      if (password === undefined) return { username };
      if (typeof password !== "function")
        return { username, password: readSecret(password, process.env, readText, where) };
      const given = await password();
      return typeof given === "string" ? { username, password: given } : { username, ...given };
    },
  };
}

/** Reads certificate files and makes the options of `tls.connect`; undefined without TLS. */
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
