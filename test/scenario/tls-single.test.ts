import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { CertificateAuthority, type TlsFiles } from "../support/certificates.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { describeOverTls, keepUsingSessions, readyFleet, useSessions } from "./fleet-for-test.js";

// The servers here have no port that is spoken to in plain text: what works, works over TLS.

const authority = new CertificateAuthority("the authority of this test");
const client = authority.write({ name: "client", hosts: [] });
afterAll(() => authority.remove());

const variables = {
  FLEET_TLS_CA_FILE: client.caFile,
  FLEET_TLS_CERT_FILE: client.certFile,
  FLEET_TLS_KEY_FILE: client.keyFile,
};

function nodeOf(topology: SingleTopology): ServerAddress {
  return topology.config.nodes[0] as ServerAddress;
}

describeOverTls("a server that wants certificates of its clients", () => {
  let topology: SingleTopology;
  let port: number;
  beforeAll(async () => {
    topology = await startSingle({ tls: authority.write({ name: "server" }), password: "pw" });
    ({ port } = nodeOf(topology));
  });
  afterAll(() => topology?.stop());

  test("has no other port", async () => {
    expect(await topology.server.command("CONFIG", "GET", "port")).toEqual(["port", "0"]);
    expect(await topology.server.command("CONFIG", "GET", "tls-auth-clients")).toEqual(["tls-auth-clients", "yes"]);
  });

  test("rediss:// with variables", async () => {
    const environment = { ...variables, FLEET_BACKEND: `rediss://:pw@127.0.0.1:${port}` };
    await useSessions(await readyFleet({}, { environment }));
  });

  test("redis:// with variables: to name a certificate turns TLS on", async () => {
    const environment = { ...variables, FLEET_BACKEND: `redis://:pw@localhost:${port}` };
    await useSessions(await readyFleet({}, { environment }));
  });

  test("options in code, certificates as texts", async () => {
    const { certificate, key } = authority.issue({ name: "another client", hosts: [] });
    const tls = { ca: authority.certificate, cert: certificate, key };
    await useSessions(await readyFleet({ backend: { url: `redis://:pw@127.0.0.1:${port}`, tls } }));
  });

  test("REDIS_URL and REDIS_OPTIONS of Botpress", async () => {
    const { certificate, key } = authority.issue({ name: "another client", hosts: [] });
    const tls = { ca: authority.certificate, cert: certificate, key };
    const environment = {
      CLUSTER_ENABLED: "true",
      REDIS_URL: `redis://127.0.0.1:${port}`,
      REDIS_OPTIONS: JSON.stringify({ password: "pw", tls }),
    };
    await useSessions(await readyFleet({}, { environment }));
  });

  test("the block of Tyk", async () => {
    const config = tykFile({ addrs: [`127.0.0.1:${port}`], password: "pw", use_ssl: true, ...tykFiles(client) });
    await useSessions(await readyFleet({ config }));
  });
});

describeOverTls("a server that wants none", () => {
  let topology: SingleTopology;
  let port: number;
  beforeAll(async () => {
    topology = await startSingle({ tls: { ...authority.write({ name: "server" }), clientCertificates: false } });
    ({ port } = nodeOf(topology));
  });
  afterAll(() => topology?.stop());

  test("FLEET_TLS=true", async () => {
    const environment = {
      FLEET_BACKEND: `127.0.0.1:${port}`,
      FLEET_TLS: "true",
      FLEET_TLS_CA_FILE: authority.caFile,
    };
    await useSessions(await readyFleet({}, { environment }));
  });

  test("the block of Tyk, without check of the certificate", async () => {
    const config = tykFile({ host: "127.0.0.1", port, use_ssl: true, ssl_insecure_skip_verify: true });
    const fleet = await readyFleet({ config });
    await useSessions(fleet);
  });

  test("Spring's ssl", async () => {
    const lines = [`spring.data.redis.host=127.0.0.1`, `spring.data.redis.port=${port}`, "spring.data.redis.ssl=true"];
    const config = join(authority.directory, "application.properties");
    writeFileSync(config, lines.join("\n"));
    await useSessions(await readyFleet({ config }, { environment: { FLEET_TLS_CA_FILE: authority.caFile } }));
  });
});

describeOverTls("the files of a client", () => {
  test("a certificate for another name than the one that is dialled, which FLEET_TLS_SERVERNAME says", async () => {
    const tls = { ...authority.write({ name: "server", hosts: ["redis.internal"] }), clientCertificates: false };
    const topology = await startSingle({ tls });
    onTestFinished(() => topology.stop());
    const environment = {
      FLEET_BACKEND: `rediss://127.0.0.1:${topology.server.port}`,
      FLEET_TLS_CA_FILE: authority.caFile,
      FLEET_TLS_SERVERNAME: "redis.internal",
    };
    await useSessions(await readyFleet({}, { environment }));
  });

  test("files that are replaced under load are read by the next connection, and no call fails", async () => {
    const successor = new CertificateAuthority("its successor");
    onTestFinished(() => successor.remove());
    const ofServer = authority.write({ name: "server" });
    const ofClient = authority.write({ name: "client", hosts: [] });
    const files = { ...ofClient, caFile: join(authority.directory, "of-client.pem") };
    writeFileSync(files.caFile, authority.certificate);
    const topology = await startSingle({ tls: { ...ofServer, caFile: files.caFile }, appendOnly: true });
    onTestFinished(() => topology.stop());
    const fleet = await readyFleet({
      backend: { url: `rediss://127.0.0.1:${topology.server.port}`, tls: files },
    });
    const load = keepUsingSessions(fleet);
    await until(() => load.done() > 20, { what: "the load to run" });
    replace(ofServer, successor, ["127.0.0.1"]);
    replace(files, successor, []);
    writeFileSync(files.caFile, successor.certificate);
    await topology.server.restart();
    const before = load.done();
    await until(() => load.done() > before + 20, { what: "the load to go on" });
    expect((await load.stop()).errors).toEqual([]);
    expect(fleet.stats().backend.reconnects).toBeGreaterThan(0);
  });
});

function replace(files: Pick<TlsFiles, "certFile" | "keyFile">, by: CertificateAuthority, hosts: string[]): void {
  const { certificate, key } = by.issue({ name: "renewed", hosts });
  writeFileSync(files.certFile, certificate);
  writeFileSync(files.keyFile, key);
}

function tykFile(storage: object): string {
  const path = join(authority.directory, "tyk.conf");
  writeFileSync(path, JSON.stringify({ storage: { type: "redis", ...storage } }));
  return path;
}

function tykFiles({ caFile, certFile, keyFile }: TlsFiles): object {
  return { ca_file: caFile, cert_file: certFile, key_file: keyFile };
}
