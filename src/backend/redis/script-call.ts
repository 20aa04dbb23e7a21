import type { ReadCommand } from "../backend.js";
import type { Argument, Script, ScriptCall, ScriptReply } from "../script.js";
import type { Connection, Reply } from "./connection.js";

/** What EVALSHA takes for a call: the hash, how many keys, the keys, the arguments; in one list, since it is made so often. */
export function scriptArguments<K extends string, A extends string, R extends ScriptReply>(
  script: Script<K, A, R>,
  call: ScriptCall<K, A>,
): readonly Argument[] {
  const values: Argument[] = [script.sha1, script.keys.length];
  for (const name of script.keys) values.push(call.keys[name]);
  for (const name of script.args) values.push(call.args[name]);
  return values;
}

/**
 * Sends a script by its hash, or with its source when this connection has not sent that.
 *
 * `values` are its `scriptArguments`. Rejects with `NOSCRIPT` when the server has forgotten the script: sent again
 * the source goes along. While asking it does so at once: ASKING holds for one command, and a second round would be
 * redirected back.
 */
export function sendScript(
  connection: Connection,
  script: Pick<Script<string, string, ScriptReply>, "sha1" | "source">,
  values: readonly Argument[],
  asking: boolean,
): Promise<Reply> {
  if (asking || !connection.knows(script.sha1)) {
    const evaluate = (): Promise<Reply> => connection.send("eval", [script.source, ...values.slice(1)]);
    const reply = asking ? askFirst(connection, evaluate) : evaluate();
    // Known from now on: what follows on this connection is processed after it.
    connection.learn(script.sha1);
    return reply;
  }
  return connection.send("evalsha", values, (error) => {
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
