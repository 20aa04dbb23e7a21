/** The cookie of all contenders. */
export const cookie = { maxAge: 30 * 60 * 1000, httpOnly: true, sameSite: "lax" };

export const secret = "a secret for the benchmark that is long enough for production";

/** What the session of one user holds: 7 fields, about 400 bytes as JSON. `visits` keeps its length while it is counted. */
export function sessionOf(number) {
  const user = String(number).padStart(6, "0");
  return {
    userId: `user-${user}`,
    name: `Ada Example the ${user}th`,
    email: `ada.example.${user}@mail.example.com`,
    roles: ["reader", "writer", "reviewer", "administrator", "auditor", "operator"],
    preferences: { theme: "dark", language: "en-GB", timezone: "Europe/Berlin", pageSize: 50, notifications: true },
    csrfToken: `csrf-${user}-4f1c9a07be52d8836ab0c4e19d7f25e0a8b36c71d05e83a9c2b74f60`,
    visits: 1_000_000,
  };
}
