import type { Credentials, SignIn } from "../../../src/backend/redis/credentials.js";

/** Credentials that stay as they are; by default none. */
export function fixedCredentials(signIn: SignIn = {}): Credentials {
  return { read: () => Promise.resolve(signIn), refused: () => undefined };
}
