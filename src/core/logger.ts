import { ConfigError } from "./errors.js";

/** One line of the log: fields first, then a constant message, as pino has it. */
export type LogMethod = (fields: object, message: string) => void;

/** Where the library writes; pino, and anything of its shape, fits as it is. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

const levels = ["debug", "info", "warn", "error"] as const;
const ignore = (): void => {};
const maxRemembered = 1000;

/**
 * The logger that the rooms write to; none of its methods ever throws.
 *
 * Without an option warnings and errors go to `console.warn`, once per `code` among their fields (or per message); `false`
 * silences everything. Throws `ConfigError` (`ERR_FLEET_CONFIG_LOGGER`) when a method is missing.
 */
export function resolveLogger(option: Logger | false | undefined): Logger {
  if (option === undefined) return consoleLogger();
  if (option === false) return { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const missing = levels.filter((level) => typeof (option as Partial<Logger> | null)?.[level] !== "function");
  if (missing.length > 0) {
    throw new ConfigError([
      {
        code: "ERR_FLEET_CONFIG_LOGGER",
        message: `logger lacks ${missing.join(", ")}`,
        help: "pass pino(), an object with debug, info, warn and error (fields, message), or logger: false",
      },
    ]);
  }
  return {
    debug: (fields, message) => quietly(() => option.debug(fields, message)),
    info: (fields, message) => quietly(() => option.info(fields, message)),
    warn: (fields, message) => quietly(() => option.warn(fields, message)),
    error: (fields, message) => quietly(() => option.error(fields, message)),
  };
}

function consoleLogger(): Logger {
  const seen = new Set<string>();
  const write: LogMethod = (fields, message) => {
    const { code, help } = fields as { code?: unknown; help?: unknown };
    const key = typeof code === "string" ? code : message;
    // Bounded, so that a message which turns out not to be constant can neither fill the memory nor the console.
    if (seen.has(key) || seen.size >= maxRemembered) return;
    seen.add(key);
    const label = typeof code === "string" ? `${code}: ` : "";
    const remedy = typeof help === "string" ? ` (${help})` : "";
    quietly(() => console.warn(`express-fleet: ${label}${message}${remedy}`));
  };
  return { debug: ignore, info: ignore, warn: write, error: write };
}

/** A logger that fails must not turn a line of the log into a failed request. */
function quietly(log: () => void): void {
  try {
    log();
  } catch {
    // There is nowhere left to say it.
  }
}
