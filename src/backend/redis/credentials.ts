import { readFileSync } from "node:fs";
import type { Secret, SecretFunction } from "../../config/backend-config.js";
import { readSecret } from "../../config/secret.js";
import { UnavailableError } from "../../core/errors.js";
import type { Clock, Timer } from "../../core/clock.js";
import { withDeadline } from "../../core/deadline.js";

/** What AUTH is sent with; without a password nothing is. */
export interface SignIn {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What connections authenticate with; it may change while they are open. */
export interface Credentials {
  /** What is valid now; rejects when a file, a variable or a function does not give it. */
  read(): Promise<SignIn>;
  /** A server refused what was read. */
  refused(): void;
}

/** Where the credentials of a backend come from. */
export interface CredentialsOptions {
  readonly clock: Clock;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  /** Names the secret when it cannot be read. */
  readonly where: string;
  /** What `read` gives has changed. */
  readonly onChange: () => void;
  /** Default reads the file system. */
  readonly readFile?: (path: string) => string;
}

const lookEvery = 1_000;
const renewAt = 0.8;
const leastRenewal = 1_000;
const renewAgainAfter = 5_000;
const askLimit = 10_000;

/**
 * Knows the credentials where they live: a value, a file, a variable or a function.
 *
 * Files and variables are looked at every second, so that open connections can sign in anew as soon as they change. A
 * function is asked once for all connections that open together, and again at 80 % of the life of what it gave; what has
 * no end of life is asked for at each connection. One that has not answered after ten seconds is asked anew.
 */
export class RotatingCredentials implements Credentials {
  readonly #options: CredentialsOptions;
  #timer: Timer | undefined;
  #last: string | undefined;
  #asking: Promise<Given> | undefined;
  #given: Given | undefined;
  #closed = false;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    if (typeof options.password === "object") this.#look();
  }

  async read(): Promise<SignIn> {
    const { username, password } = this.#options;
    if (password === undefined) return { username };
    if (typeof password !== "function") return { username, password: this.#stored() };
    const lives = (this.#given?.expiresAt ?? 0) > this.#options.clock.now();
    // What was asked for here, and not what is kept: that may be dropped again before this goes on.
    const given = lives && this.#given !== undefined ? this.#given : await this.#ask(password);
    return { username: given.username ?? username, password: given.password };
  }

  refused(): void {
    // A token that should still be valid is asked for anew.
    this.#given = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #stored(): string {
    const { password, where, readFile = readText } = this.#options;
    return readSecret(password as Exclude<Secret, SecretFunction>, process.env, readFile, where);
  }

  #look(): void {
    let now = this.#last;
    try {
      now = this.#stored();
    } catch {
      // It is being replaced; whoever connects meanwhile is told.
    }
    const isChanged = this.#last !== undefined && now !== this.#last;
    this.#last = now;
    this.#timer = this.#options.clock.setTimeout(() => this.#look(), lookEvery);
    if (isChanged) this.#options.onChange();
  }

  #ask(password: SecretFunction): Promise<Given> {
    const { clock } = this.#options;
    const late = (): Error => new Error(`the function that gives the password did not answer within ${askLimit} ms`);
    this.#asking ??= withDeadline(askOnce(password), askLimit, clock, late)
      .catch((cause: unknown) => {
        // Its own words may hold a secret; whoever wants them finds them in the cause.
        const { where } = this.#options;
        throw new UnavailableError(`${where} could not be had: the function that gives it failed`, { cause });
      })
      .then((given) => this.#take(given, password))
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  #take(given: Given, password: SecretFunction): Given {
    const before = this.#last;
    this.#given = given;
    this.#last = given.password;
    if (given.expiresAt !== undefined) {
      const life = given.expiresAt - this.#options.clock.now();
      this.#renewAfter(Math.max(leastRenewal, life * renewAt), password);
    }
    if (before !== undefined && before !== given.password) this.#options.onChange();
    return given;
  }

  #renewAfter(delay: number, password: SecretFunction): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => {
      // Until it succeeds the old token is used, as long as it lives.
      this.#ask(password).catch(() => this.#renewAfter(renewAgainAfter, password));
    }, delay);
  }
}

interface Given {
  readonly username?: string | undefined;
  readonly password: string;
  readonly expiresAt?: number | undefined;
}

async function askOnce(password: SecretFunction): Promise<Given> {
  const given = await password();
  const fresh = typeof given === "string" ? { password: given } : given;
  if (typeof fresh?.password !== "string" || fresh.password === "")
    throw new TypeError("the function that gives the password gave none");
  return fresh;
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}
