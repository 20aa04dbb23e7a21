import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Fleet } from "../../src/index.js";
import { CertificateAuthority } from "../support/certificates.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { connectionString } from "../support/servers/topology.js";
import { until } from "../support/until.js";
import { describeOverTls, keepUsingSessions, readyFleet, useSessions } from "./fleet-for-test.js";

// Neither data servers nor sentinels have a port that is spoken to in plain text.

const authority = new CertificateAuthority("the authority of this test");
const client = authority.write({ name: "client", hosts: [] });
afterAll(() => authority.remove());

/** Resolves when a watcher listens to each sentinel: the connections that nobody waits for. */
async function watchAll(fleet: Fleet, count: number): Promise<void> {
  const watched = (): number =>
    fleet.topology().nodes.filter(({ role, state }) => role === "sentinel" && state === "connected").length;
  await until(() => watched() === count, { what: `a watcher of each of ${count} sentinels` });
}

describeOverTls("sentinels and servers that want certificates of their clients", () => {
  let topology: SentinelTopology;
  beforeAll(async () => {
    topology = await startSentinel({
      replicas: 1,
      tls: authority.write({ name: "server" }),
      password: "data",
      sentinelPassword: "watch",
    });
  });
  afterAll(() => topology?.stop());

  test("rediss+sentinel:// with variables, before, during and after a failover", async () => {
    const environment = {
      FLEET_BACKEND: connectionString(topology.config),
      FLEET_SENTINEL_PASSWORD: "watch",
      FLEET_TLS_CA_FILE: client.caFile,
      FLEET_TLS_CERT_FILE: client.certFile,
      FLEET_TLS_KEY_FILE: client.keyFile,
    };
    expect(environment.FLEET_BACKEND).toMatch(/^rediss\+sentinel:/);
    const fleet = await readyFleet({}, { environment });
    await watchAll(fleet, 3);
    const failovers: unknown[] = [];
    fleet.on("failover", (failover) => failovers.push(failover));
    const load = keepUsingSessions(fleet);
    await until(() => load.done() > 20, { what: "the load to run" });
    const { port } = await topology.failover();
    await until(() => failovers.length > 0, { what: "the failover to be told" });
    const before = load.done();
    await until(() => load.done() > before + 20, { what: "the load to go on" });
    expect((await load.stop()).errors).toEqual([]);
    expect(failovers).toMatchObject([{ to: `127.0.0.1:${port}` }]);
    await watchAll(fleet, 3);
  });

  test("the block of Tyk: use_ssl holds for sentinels too", async () => {
    const config = join(authority.directory, "tyk.conf");
    const storage = {
      type: "redis",
      master_name: topology.name,
      addrs: topology.config.nodes.map(({ host, port }) => `${host}:${port}`),
      password: "data",
      sentinel_password: "watch",
      use_ssl: true,
      ca_file: client.caFile,
      cert_file: client.certFile,
      key_file: client.keyFile,
    };
    writeFileSync(config, JSON.stringify({ storage }));
    const fleet = await readyFleet({ config });
    await useSessions(fleet);
    await watchAll(fleet, 3);
  });
});

describeOverTls("sentinels and servers that want none", () => {
  let topology: SentinelTopology;
  beforeAll(async () => {
    const tls = { ...authority.write({ name: "server" }), clientCertificates: false };
    topology = await startSentinel({ replicas: 0, sentinels: 1, tls });
  });
  afterAll(() => topology?.stop());

  test("redis+sentinel:// with FLEET_TLS=true", async () => {
    const environment = {
      FLEET_BACKEND: connectionString(topology.config).replace("rediss", "redis"),
      FLEET_TLS: "true",
      FLEET_TLS_CA_FILE: authority.caFile,
    };
    const fleet = await readyFleet({}, { environment });
    await useSessions(fleet);
    await watchAll(fleet, 1);
  });
});
