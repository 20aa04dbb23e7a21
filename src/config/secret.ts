import { ConfigError } from "../core/errors.js";
import type { StoredSecret } from "./backend-config.js";

/** The environment's variables; `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a file's text whole and now, or throws. */
export type ReadFile = (path: string) => string;

/**
 * Reads a secret anew, so that one which was rotated is picked up by the next connection.
 *
 * One trailing line break of a file is dropped. A file that cannot be read or is empty is `ConfigError`
 * `ERR_FLEET_CONFIG_FILE`, a variable that is not set `ERR_FLEET_CONFIG_REQUIRED`. `where` names the setting in the
 * message; the path is left out, since a password is easily written where its file was asked for.
 */
export function readSecret(secret: StoredSecret, env: Environment, readFile: ReadFile, where = "a secret"): string {
  if (typeof secret === "string") return secret;
  if ("file" in secret) return readSecretFile(secret.file, readFile, where);
  const value = env[secret.env];
  if (value !== undefined && value !== "") return value;
  throw new ConfigError([
    {
      code: "ERR_FLEET_CONFIG_REQUIRED",
      message: `${where} is to be read from a variable of the environment that is not set`,
      help: "set the variable, or give the secret as a value or a file",
    },
  ]);
}

/** Reads a file that the configuration names; one that cannot be read is `ConfigError` `ERR_FLEET_CONFIG_FILE`. */
export function readConfigFile(path: string, readFile: ReadFile, where: string): string {
  try {
    return readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | null)?.code;
    // The error itself is no cause of ours: its message holds the path.
    throw unreadable(`the file that ${where} names cannot be read${typeof code === "string" ? ` (${code})` : ""}`);
  }
}

function readSecretFile(path: string, readFile: ReadFile, where: string): string {
  const text = readConfigFile(path, readFile, where).replace(/\r?\n$/, "");
  if (text === "") throw unreadable(`the file that ${where} names is empty`);
  return text;
}

function unreadable(message: string): ConfigError {
  return new ConfigError([
    { code: "ERR_FLEET_CONFIG_FILE", message, help: "check that the path is right and that this process may read it" },
  ]);
}
