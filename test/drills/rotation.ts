import { randomBytes } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { type Drill, type DrillResult, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;
const user = "app";

/** A user's password changes on the server and in its file while everything runs; then every connection is cut. */
export const credentialRotation: Drill = {
  name: "single-credential-rotation",
  about:
    "a user's password changes on the server and in its file under load; later all connections of the user are killed",
  proves: "open connections sign in anew when the file changes, and the next ones with what it holds",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSingle({ appendOnly: true });
    const { server } = topology;
    const file = join(server.directory, "secret");
    let password = randomBytes(12).toString("hex");
    await server.command("ACL", "SETUSER", user, "on", `>${password}`, "~*", "&*", "+@all");
    await writeFile(file, password);
    process.env["FLEET_USERNAME"] = user;
    process.env["FLEET_PASSWORD_FILE"] = file;
    let load: FleetUnderLoad | undefined;
    let signedIn = 0;
    try {
      load = await FleetUnderLoad.start(topology.config);
      for (let turn = 0; turn < faults; turn += 1) {
        await whileLoadRuns(around);
        const before = await signIns();
        const next = randomBytes(12).toString("hex");
        // As one who rotates does: both are valid until everybody has the new one.
        await server.command("ACL", "SETUSER", user, `>${next}`);
        await writeFile(`${file}.next`, next);
        await rename(`${file}.next`, file);
        await until(async () => (await signIns()) > before, { what: "open connections to sign in anew" });
        signedIn += (await signIns()) - before;
        await server.command("ACL", "SETUSER", user, `<${password}`);
        password = next;
        await server.command("CLIENT", "KILL", "USER", user);
        await whileLoadRuns(around);
      }
      const figures = { "sign-ins on open connections": signedIn };
      const name = credentialRotation.name;
      return judge(await load.settle(), { name, faults, longestWait: recovery.fault, figures });
    } finally {
      await load?.stop();
      delete process.env["FLEET_USERNAME"];
      delete process.env["FLEET_PASSWORD_FILE"];
      await topology.stop();
    }

    async function signIns(): Promise<number> {
      const line = (await server.info("commandstats")).get("cmdstat_auth") ?? "calls=0";
      return Number(/calls=(\d+)/.exec(line)?.[1]);
    }
  },
};
