import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterNode } from "../support/servers/cluster-nodes.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { connectionString } from "../support/servers/topology.js";
import { until } from "../support/until.js";
import { createSession, describeOverTls, keepUsingSessions, readyFleet, useSessions, visit } from "./fleet-for-test.js";

// No node has a port that is spoken to in plain text, and the nodes speak TLS among themselves.

const authority = new CertificateAuthority("the authority of this test");
const client = authority.write({ name: "client", hosts: [] });
afterAll(() => authority.remove());

describeOverTls("a cluster", () => {
  let topology: ClusterTopology;
  let addresses: string[];
  beforeAll(async () => {
    topology = await startCluster({ replicas: 0, tls: authority.write({ name: "server" }), password: "pw" });
    addresses = topology.config.nodes.map(({ host, port }) => `${host}:${port}`);
  });
  afterAll(() => topology?.stop());

  test("that wants client certificates: redirects of slots that move are followed over TLS", async () => {
    const environment = {
      FLEET_BACKEND: `rediss+cluster://:pw@${addresses[0]}`,
      FLEET_TLS_CA_FILE: client.caFile,
      FLEET_TLS_CERT_FILE: client.certFile,
      FLEET_TLS_KEY_FILE: client.keyFile,
    };
    const fleet = await readyFleet({}, { environment });
    const ids = await Promise.all(Array.from({ length: 20 }, () => createSession(fleet)));
    const [from, to] = (await topology.primaries()) as [ClusterNode, ClusterNode];
    const [key = ""] = (await topology.command(from, "KEYS", "*")) as string[];
    const load = keepUsingSessions(fleet);
    await until(() => load.done() > 20, { what: "the load to run" });
    const slot = await topology.slotOf(key);
    let moves = 0;
    const redirected = async (): Promise<boolean> => {
      moves += 1;
      await topology.moveSlot(slot, moves % 2 === 1 ? to : from);
      expect(await Promise.all(ids.map((id) => visit(fleet, id)))).toEqual(ids.map(() => moves));
      return fleet.stats().backend.redirects > 0;
    };
    // A look at the slots that comes by chance, just after a move, makes a redirect unnecessary.
    await until(redirected, { what: "a redirect" });
    const before = load.done();
    await until(() => load.done() > before + 20, { what: "the load to go on" });
    expect((await load.stop()).errors).toEqual([]);
    expect(fleet.stats().backend.connections).toBe(3);
  });

  test("REDIS_URL as a list with tls, the files from FLEET_TLS_*", async () => {
    const environment = {
      CLUSTER_ENABLED: "true",
      REDIS_URL: connectionString(topology.config),
      FLEET_TLS_CA_FILE: client.caFile,
      FLEET_TLS_CERT_FILE: client.certFile,
      FLEET_TLS_KEY_FILE: client.keyFile,
    };
    expect(environment.REDIS_URL).toContain('"tls":true');
    await useSessions(await readyFleet({}, { environment }));
  });

  test("that wants no client certificates, by the block of Tyk", async () => {
    for (const server of topology.dataServers)
      await topology.command(server, "CONFIG", "SET", "tls-auth-clients", "no");
    const config = join(authority.directory, "tyk.conf");
    const storage = {
      type: "redis",
      enable_cluster: true,
      addrs: addresses,
      password: "pw",
      use_ssl: true,
      ca_file: client.caFile,
    };
    writeFileSync(config, JSON.stringify({ storage }));
    await useSessions(await readyFleet({ config }));
  });
});
