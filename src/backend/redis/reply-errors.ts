/**
 * What an error means for the call that met it.
 *
 * - `moved`, `ask`: another node serves the slot. `again`: not executed, worth repeating after a pause.
 * - `replica`: the server is a replica now; the connection leads to the wrong place. `auth`: credentials are refused.
 * - `full`: memory or disk refuse writes. `permission`: ACL; `NOPERM` before anything ran, `ERR` inside a script. `no-script`: the source must be sent.
 * - `lost`: the connection ended with the reply outstanding. `unsent`: it ended before anything was written.
 * - `reply`: any other error reply; a mistake of ours or a foreign value under our key.
 */
export type ReplyError =
  | { readonly kind: "moved" | "ask"; readonly slot: number; readonly host: string; readonly port: number }
  | {
      readonly kind: "again" | "replica" | "auth" | "full" | "permission" | "no-script" | "lost" | "unsent" | "reply";
      readonly code: string;
    };

// Redis before 7 wraps every error of a command inside a script, and hides the code behind a dash.
const wrapped =
  /^ERR Error running script \(call to \S+\): @user_script:\s*\d+: @user_script: \d+: (?:-([A-Z]+) )?(.*)$/s;
// In a script no version gives a code for what the ACL denies.
const aclInScript = /^ERR (The user executing the script can't|ACL failure in script)/;
// A command that the server has under another name, or not at all, is as good as denied.
const unknownCommand = /^ERR unknown command|Unknown Redis command called from/i;
const unsent = /Stream isn't writeable/;

const kinds: Readonly<Record<string, "again" | "replica" | "auth" | "full" | "permission" | "no-script">> = {
  READONLY: "replica",
  MASTERDOWN: "again",
  LOADING: "again",
  CLUSTERDOWN: "again",
  TRYAGAIN: "again",
  NOREPLICAS: "again",
  BUSY: "again",
  NOAUTH: "auth",
  WRONGPASS: "auth",
  OOM: "full",
  MISCONF: "full",
  NOPERM: "permission",
  NOSCRIPT: "no-script",
};

/** Sorts an error of ioredis or of a server; word for word replies of four versions are its test. */
export function classify(error: unknown): ReplyError {
  if (!(error instanceof Error)) return { kind: "reply", code: "UNKNOWN" };
  if (error.name !== "ReplyError") return { kind: unsent.test(error.message) ? "unsent" : "lost", code: "CLOSED" };
  const inner = wrapped.exec(error.message);
  const message = inner === null ? error.message : `${inner[1] ?? "ERR"} ${inner[2] ?? ""}`;
  const code = message.slice(0, Math.max(0, message.indexOf(" "))) || message;
  if (code === "MOVED" || code === "ASK") return redirect(code, message);
  if (aclInScript.test(message) || unknownCommand.test(message)) return { kind: "permission", code };
  return { kind: kinds[code] ?? "reply", code };
}

/** What a replica answers to a write, for a server that shows in another way that it is one. */
export function readOnlyReply(): Error {
  return Object.assign(new Error("READONLY the server is a replica"), { name: "ReplyError" });
}

function redirect(code: "MOVED" | "ASK", message: string): ReplyError {
  const [, slot = "", address = ""] = message.split(" ");
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  return {
    kind: code === "MOVED" ? "moved" : "ask",
    slot: Number(slot),
    // A server that is told to give host names, and has none, writes a question mark.
    host: host === "?" ? "" : host,
    port: Number(address.slice(colon + 1)),
  };
}
