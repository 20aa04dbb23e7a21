import type { ReadCommand } from "../backend.js";
import type { Argument, Script, ScriptReply } from "../script.js";
import type { Connection, Reply } from "./connection.js";

/**
 * Sends a script by its hash, or with its source when this connection has not sent that.
 *
 * `values` are the keys, then the arguments. Rejects with `NOSCRIPT` when the server has forgotten the script: sent again
 * the source goes along. While asking it does so at once: ASKING holds for one command, and a second round would be
 * redirected back.
 */
export function sendScript(
  connection: Connection,
  script: Script<string, string, ScriptReply>,
  values: readonly Argument[],
  asking: boolean,
): Promise<Reply> {
  const count = script.keys.length;
  if (asking || !connection.knows(script.sha1)) {
    const evaluate = (): Promise<Reply> => connection.send("eval", [script.source, count, ...values]);
    const reply = asking ? askFirst(connection, evaluate) : evaluate();
    // Known from now on: what follows on this connection is processed after it.
    connection.learn(script.sha1);
    return reply;
  }
  return connection.send("evalsha", [script.sha1, count, ...values], (error) => {
    // Sending the source is left to the call: by now its deadline may have passed.
    if (error.message.startsWith("NOSCRIPT")) connection.forget(script.sha1);
  });
}

/** Sends commands that read one key, in one write. */
export function sendReads(
  connection: Connection,
  key: string,
  commands: readonly ReadCommand[],
  asking: boolean,
): Promise<readonly (string | number | null)[]> {
  const replies = commands.map(([name, ...args]) => {
    const read = (): Promise<Reply> => connection.send(name, [key, ...args]);
    return asking ? askFirst(connection, read) : read();
  });
  return Promise.all(replies) as Promise<readonly (string | number | null)[]>;
}

/** Sends ASKING right before a command; when it is refused, that is the error, and not the redirect that follows from it. */
async function askFirst(connection: Connection, send: () => Promise<Reply>): Promise<Reply> {
  const refused = connection.send("asking", []).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    return await send();
  } catch (error) {
    throw (await refused) ?? error;
  }
}
