import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { restartWithPassword } from "../support/servers/redis-process-passwords.js";
import { RedisProcess } from "../support/servers/redis-process.js";
import { addressOf } from "../support/servers/running-topology.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend } from "../unit/backend/open-backend.js";

test("a server restarted with a new password is served again once the file has it", async () => {
  const server = await RedisProcess.start({ appendOnly: true, password: "old-and-secret" });
  onTestFinished(() => server.stop());
  const file = join(server.directory, "secret");
  await writeFile(file, "old-and-secret");
  const backend = openBackend({ nodes: [addressOf(server)], password: { file } });
  await backend.ready();
  const callers = startCallers(
    backend,
    Array.from({ length: 8 }, (_, index) => `test:room:{${index}}:x`),
  );
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
  await restartWithPassword([server], "old-and-secret", "new-and-secret");
  await until(() => backend.state === "fatal", { what: "the old password to be refused" });
  const seen = callers.acknowledged;
  await writeFile(file, "new-and-secret");
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  const { errors, lost } = await callers.stop();
  expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
});
