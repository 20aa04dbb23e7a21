import { execFile } from "node:child_process";
import { findServer } from "./find-server.js";

const limit = 120_000;

/**
 * Runs `redis-cli --cluster` with these words and resolves with what it printed.
 * Rejects, with what it printed, when it fails or takes longer than two minutes; also when there is no `redis-cli`.
 */
export async function clusterCli(...words: readonly (string | number)[]): Promise<string> {
  const { cli } = await findServer();
  if (cli === undefined) throw new Error("neither redis-cli nor valkey-cli is on the PATH");
  return new Promise((resolve, reject) => {
    execFile(cli, ["--cluster", ...words.map(String)], { timeout: limit, maxBuffer: 64 << 20 }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else
        reject(new Error(`redis-cli --cluster ${words.join(" ")} failed:\n${stdout.slice(-2_000)}`, { cause: error }));
    });
  });
}
