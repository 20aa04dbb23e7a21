import type { IncomingMessage } from "node:http";
import { parseDuration, type Duration } from "../core/duration.js";
import { ConfigError, type ConfigProblem } from "../core/errors.js";
import { unknownOptions, unknownValue } from "./option-checks.js";
import { storeOptionNames, storeOptionProblems, type StoreOptions } from "./store-options.js";

/** The attributes of the session's cookie, as express-session has them. */
export interface SessionCookieOptions {
  readonly domain?: string | undefined;
  readonly expires?: Date | null | undefined;
  /** Default true. */
  readonly httpOnly?: boolean | undefined;
  /** How long the browser keeps the cookie, and the session lives without requests; default until the browser ends. */
  readonly maxAge?: Duration | null | undefined;
  readonly partitioned?: boolean | undefined;
  /** Default "/". */
  readonly path?: string | undefined;
  readonly priority?: "low" | "medium" | "high" | undefined;
  /** Default "lax". */
  readonly sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  /** Default true where the fleet's external URL is https, else "auto": true on encrypted requests. */
  readonly secure?: boolean | "auto" | undefined;
}

/** `fleet.sessions.middleware(options)`: those of express-session, and what happens when something goes wrong. */
export interface SessionMiddlewareOptions extends StoreOptions {
  /** Signs the cookie; at least 32 bytes in production. Of an array the first signs and all verify; it may be changed later. */
  readonly secret: string | string[];
  /** Default "__Host-sid" where the cookie is always secure, has path "/" and no domain; else "sid". */
  readonly name?: string | undefined;
  readonly cookie?: SessionCookieOptions | ((request: IncomingMessage) => SessionCookieOptions) | undefined;
  /** Makes the identifier of a new session; default 272 random bits. */
  readonly genid?: ((request: IncomingMessage) => string) | undefined;
  /** Sends the cookie with every response, so that its time begins anew. Default false. */
  readonly rolling?: boolean | undefined;
  /** Also stores sessions in which nothing was written. Default false. */
  readonly saveUninitialized?: boolean | undefined;
  /** Accepted for express-session's sake: an unchanged session costs no write either way. Default false. */
  readonly resave?: boolean | undefined;
  /** Whether `X-Forwarded-Proto` is believed; default as Express' `trust proxy` says. */
  readonly proxy?: boolean | undefined;
  /** What `req.session = null` does. Default "keep": nothing is saved. "destroy" ends the session. */
  readonly unset?: "destroy" | "keep" | undefined;
  /**
   * `before-response` (default): a response that the app ends in one piece leaves after its session is saved, and becomes
   * an error when that fails. `express-session`: the headers leave while the session is saved.
   */
  readonly commit?: "before-response" | "express-session" | undefined;
}

/** The options as they are used. */
export interface MiddlewareSettings {
  readonly secrets: readonly string[];
  readonly name: string;
  readonly cookie: SessionCookieOptions | ((request: IncomingMessage) => SessionCookieOptions);
  /** Whether the cookie is always `secure`. */
  readonly alwaysSecure: boolean;
  readonly warnings: readonly ConfigProblem[];
}

const optionNames = [
  "secret",
  "name",
  "cookie",
  "genid",
  "rolling",
  "saveUninitialized",
  "resave",
  "proxy",
  "unset",
  "commit",
  ...storeOptionNames,
];
const cookieNames = [
  "domain",
  "expires",
  "httpOnly",
  "maxAge",
  "partitioned",
  "path",
  "priority",
  "sameSite",
  "secure",
];
const shortest = 32;

/** Reads the options of a middleware; throws `ConfigError` with every problem at once. */
export function readMiddlewareOptions(
  options: SessionMiddlewareOptions,
  https: boolean,
  production: boolean,
): MiddlewareSettings {
  const where = "sessions.middleware()";
  const secrets = typeof options.secret === "string" ? [options.secret] : options.secret;
  const problems = [
    ...unknownOptions(options, optionNames, where),
    ...storeOptionProblems(options, where),
    ...unknownValue(options.commit, ["before-response", "express-session"], `${where}.commit`),
    ...unknownValue(options.unset, ["destroy", "keep"], `${where}.unset`),
    ...booleanProblems(options, where),
    ...missingSecret(secrets),
  ];
  if (options.genid !== undefined && typeof options.genid !== "function") {
    problems.push({
      code: "ERR_FLEET_SESSION_OPTION",
      message: `${where}.genid is no function`,
      help: "leave it out, or pass a function that returns a string",
    });
  }
  const fixed = typeof options.cookie === "function" ? {} : (options.cookie ?? {});
  problems.push(...unknownOptions(fixed, cookieNames, `${where}.cookie`), ...maxAgeProblems(fixed, where));
  const short = problems.length === 0 ? shortSecrets(secrets, production) : { problems: [], warnings: [] };
  const cookie = withDefaults(fixed, https);
  const alwaysSecure = typeof options.cookie !== "function" && cookie.secure === true;
  const hostOnly = alwaysSecure && cookie.path === "/" && cookie.domain === undefined;
  const name = options.name ?? (hostOnly ? "__Host-sid" : "sid");
  problems.push(...short.problems, ...nameProblems(name, hostOnly));
  if (problems.length > 0) throw new ConfigError(problems);
  return { secrets, name, cookie: cookieOption(options, https), alwaysSecure, warnings: short.warnings };
}

function cookieOption({ cookie }: SessionMiddlewareOptions, https: boolean): MiddlewareSettings["cookie"] {
  return typeof cookie === "function"
    ? (request) => withDefaults(cookie(request), https)
    : withDefaults(cookie ?? {}, https);
}

function withDefaults(cookie: SessionCookieOptions, https: boolean): SessionCookieOptions {
  const given = Object.fromEntries(
    Object.entries(cookie).filter(([, value]) => value !== undefined),
  ) as SessionCookieOptions;
  const { maxAge } = given;
  return {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure: https ? true : "auto",
    ...given,
    ...(maxAge === undefined || maxAge === null
      ? {}
      : { maxAge: parseDuration(maxAge, "sessions.middleware().cookie.maxAge") }),
  };
}

function maxAgeProblems({ maxAge }: SessionCookieOptions, where: string): readonly ConfigProblem[] {
  if (maxAge === undefined || maxAge === null) return [];
  try {
    parseDuration(maxAge, `${where}.cookie.maxAge`);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function booleanProblems(options: SessionMiddlewareOptions, where: string): ConfigProblem[] {
  const names = ["rolling", "saveUninitialized", "resave", "proxy"] as const;
  return names.flatMap((name) => unknownValue(options[name], [true, false], `${where}.${name}`));
}

function missingSecret(secrets: unknown): ConfigProblem[] {
  if (
    Array.isArray(secrets) &&
    secrets.length > 0 &&
    secrets.every((secret) => typeof secret === "string" && secret !== "")
  )
    return [];
  return [
    {
      code: "ERR_FLEET_SESSION_SECRET",
      message: "sessions.middleware() has no secret to sign the cookie with",
      help: "secret: process.env.SESSION_SECRET, set to the output of: openssl rand -base64 32",
    },
  ];
}

/** A secret that can be guessed lets anybody forge identifiers; the older ones only verify cookies that exist. */
function shortSecrets(
  secrets: readonly string[],
  production: boolean,
): { problems: ConfigProblem[]; warnings: ConfigProblem[] } {
  const help = "make one with: openssl rand -base64 32";
  const found = secrets.flatMap((secret, index): { index: number; problem: ConfigProblem }[] => {
    const bytes = Buffer.byteLength(secret);
    if (bytes >= shortest) return [];
    const which = index === 0 ? "the secret that signs the session cookie" : "an older secret of the session cookie";
    const code = index === 0 && production ? "ERR_FLEET_SESSION_SECRET" : "WARN_FLEET_SESSION_SECRET";
    return [{ index, problem: { code, message: `${which} has ${bytes} bytes, less than ${shortest}`, help } }];
  });
  const refused = found.filter(({ index }) => index === 0 && production);
  return {
    problems: refused.map(({ problem }) => problem),
    warnings: found.filter((each) => !refused.includes(each)).map(({ problem }) => problem),
  };
}

function nameProblems(name: unknown, hostOnly: boolean): ConfigProblem[] {
  if (typeof name !== "string" || !/^[\w!#$%&'*.^`|~+-]+$/.test(name)) {
    return [
      {
        code: "ERR_FLEET_SESSION_COOKIE_NAME",
        message: `${JSON.stringify(name)} is no name for a cookie`,
        help: 'write letters, digits, - and _: name: "sid"',
      },
    ];
  }
  if (!name.startsWith("__Host-") || hostOnly) return [];
  return [
    {
      code: "ERR_FLEET_SESSION_COOKIE_NAME",
      message: `browsers drop a cookie named ${name} unless it is secure, has path "/" and no domain`,
      help: 'cookie: { secure: true }, without path and domain; or name: "sid"',
    },
  ];
}
