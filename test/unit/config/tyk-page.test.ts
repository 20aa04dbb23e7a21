import { describe, expect, it } from "vitest";
import { failure, redis, resolve } from "./resolving.js";

// The snippets of Tyk's two pages on Redis, as they are printed.
const cluster = `"storage": {
  "type": "redis",
  "enable_cluster": true,
  "addrs": [
    "server1:6379",
    "server2:6380",
    "server3:6381"
  ],
  "username": "",
  "password": "",
  "database": 0,
  "optimisation_max_idle": 2000,
  "optimisation_max_active": 4000,
  "use_ssl": false
},
`;
const dashboardCluster = `"redis_addrs": [
    "server1:6379",
    "server2:6380",
    "server3:6381"
  ],
"redis_use_ssl": true,
"enable_cluster": true
`;
const pumpCluster = cluster
  .replace("storage", "analytics_storage_config")
  .replace("2000", "100")
  .replace('  "optimisation_max_active": 4000,\n', "");
const sentinel = `"storage": {
  "type": "redis",
  "addrs": [
    "server1:26379",
    "server2:26379",
    "server3:26379"
  ],
  "master_name": "mymaster",
  "username": "",
  "password": "",
  "database": 0,
  "optimisation_max_idle": 2000,
  "optimisation_max_active": 4000,
  "use_ssl": false
},
`;
const dashboardSentinel = `"redis_addrs": [
  "server1:26379",
  "server2:26379",
  "server3:26379"
],
"redis_master_name": "mymaster"
`;
const pumpSentinel = sentinel
  .replace("storage", "analytics_storage_config")
  .replace("2000", "100")
  .replace('  "optimisation_max_active": 4000,\n', "");
const broken = `	"storage": {
	    "type": "redis",
	    "enable_cluster": true,
	    "hosts" : {
	        "server1": "6379",
	        "server2": "6380",
	        "server3: "6381",
	    },
	    "username": "",
	    "password": "",
	    "database": 0,
	    "optimisation_max_idle": 100
	},
`;
const brokenDashboard = `	"redis_hosts": {
	    "server1": "6379",
	    "server2": "6380",
	    "server3: "6381",
	},
	"enable_cluster": true
`;
const brokenPump = broken.replace("storage", "analytics_storage_config");

const file = (text: string) => [{ FLEET_CONFIG: "./tyk.conf" }, {}, { files: { "./tyk.conf": text } }] as const;
const braced = (text: string) => `{${text.trimEnd().replace(/,$/, "")}}`;
const servers = ["server1", "server2", "server3"];
const clusterNodes = servers.map((host, index) => ({ host, port: 6379 + index }));
const sentinelNodes = servers.map((host) => ({ host, port: 26_379 }));

describe("the pages of Tyk, with the braces that a file has", () => {
  it.each([
    ["gateway", cluster],
    ["dashboard", dashboardCluster],
    ["pump", pumpCluster],
  ])("%s, cluster", (name, text) => {
    const backend = redis(...file(braced(text)));
    expect(backend).toMatchObject({ kind: "cluster", nodes: clusterNodes, database: 0, maxPending: 10_000 });
    expect(backend.tls).toEqual(name === "dashboard" ? {} : undefined);
    expect(backend).not.toHaveProperty("password");
    const config = resolve(...file(braced(text)));
    expect(config.notices.map(({ code }) => code)).toEqual(name === "dashboard" ? [] : ["INFO_FLEET_IGNORED"]);
    expect(config.provenance["backend.nodes"]?.name).toMatch(/^tyk\.conf:\d+ (?:[a-z_]+\.)?(?:redis_)?addrs$/);
  });

  it.each([
    ["gateway", sentinel],
    ["dashboard", dashboardSentinel],
    ["pump", pumpSentinel],
  ])("%s, sentinel", (_, text) => {
    expect(redis(...file(braced(text)))).toMatchObject({
      kind: "sentinel",
      nodes: sentinelNodes,
      sentinel: { name: "mymaster" },
      maxPending: 10_000,
    });
  });

  it("all three programs in one file agree", () => {
    const all = `{${cluster}${pumpCluster}${dashboardCluster.replace("true", "false")}}`;
    expect(redis(...file(all))).toMatchObject({ kind: "cluster", nodes: clusterNodes });
    const error = failure(...file(`{${cluster}${pumpCluster.replace("server2:6380", "other:6380")}"x": 1}`));
    expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
    expect(error.message).toContain("tyk.conf:4 storage.addrs and tyk.conf:19 analytics_storage_config.addrs");
  });
});

describe("the pages of Tyk, verbatim", () => {
  it.each([cluster, dashboardCluster, pumpCluster, sentinel, dashboardSentinel, pumpSentinel])(
    "a piece without braces is told, with the whole text to write",
    (text) => {
      const error = failure(...file(text));
      expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_JSON"]);
      expect(error.message).toContain("tyk.conf is a piece of a JSON object: the braces around it are missing");
      expect(error.message.includes("the comma at its end must go")).toBe(text.endsWith(",\n"));
      const written = error.message.slice(error.message.indexOf("write:\n") + "write:\n".length);
      expect(JSON.parse(written)).toEqual(JSON.parse(braced(text)));
    },
  );

  it.each([
    [broken, 7],
    [brokenDashboard, 4],
    [brokenPump, 7],
  ])("a forgotten quote and a comma too many are told with their place and the line to write", (text, line) => {
    const error = failure(...file(text));
    expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_JSON"]);
    const shown = text.split("\n")[line - 1] ?? "";
    expect(error.message).toContain(
      [
        `line ${line}, column ${shown.indexOf(":") + 1}: expected a double quote before ":", and no comma before "}"`,
        `  ${shown}`,
        `  \t${" ".repeat(shown.indexOf(":") - 1)}^`,
        'write: "server3": "6381"',
      ].join("\n"),
    );
    const written = error.message.slice(error.message.indexOf("write:\n") + "write:\n".length);
    const mended = braced(text.replace('"server3: "6381",', '"server3": "6381"'));
    expect(JSON.parse(written)).toEqual(JSON.parse(mended));
  });

  it.each([broken, brokenDashboard, brokenPump])("once mended as said it works, with a word on hosts", (text) => {
    const mended = braced(text.replace('"server3: "6381",', '"server3": "6381"'));
    expect(redis(...file(mended))).toMatchObject({ kind: "cluster", nodes: clusterNodes });
    const said = resolve(...file(mended)).notices.map(({ code }) => code);
    expect(said).toContain("WARN_FLEET_DEPRECATED_HOSTS");
  });

  it("with braces, the mistakes alone are told", () => {
    const text = `{${broken.trimEnd().replace(/,$/, "")}}`;
    const error = failure(...file(text));
    expect(error.message).toMatch(/^tyk\.conf is not valid JSON at line 7, column 18: /);
    expect(error.help).toBe('"server3": "6381"');
  });

  it("shows no secret of a broken file", () => {
    const secret = broken
      .replace('"password": ""', '"password": "hunter2"')
      .replace('"username": ""', '"pw": "hunter2"');
    expect(failure(...file(secret)).message).not.toContain("hunter2");
    const worse = secret.replace('"password": "hunter2"', '"password: "hunter2"').replace('"pw": "h', '"pw: "h');
    expect(failure(...file(worse)).message).not.toContain("hunter2");
    expect(failure(...file(`{"storage": {"password": "hunter2" "pw": hunter2}}`)).message).not.toContain("hunter2");
  });
});

describe("the pages of Tyk, as environment", () => {
  const hosts =
    "redis_master1:port,redis_slave1:port,redis_master2:port,redis_slave2:port,redis_master3:port,redis_slave3:port";
  const pool = { TYK_GW_STORAGE_MAXIDLE: "6000", TYK_GW_STORAGE_MAXACTIVE: "10000" };

  it("the placeholders are told", () => {
    const error = failure({ TYK_GW_STORAGE_ENABLECLUSTER: "true", TYK_GW_STORAGE_HOSTS: hosts, ...pool });
    expect([...new Set(error.problems.map(({ code }) => code))]).toEqual(["ERR_FLEET_CONFIG_PORT"]);
    expect(error.message).toContain("TYK_GW_STORAGE_HOSTS, entry 1");
  });

  it("all six are kept, also several ports of one host, and pools lower nothing", () => {
    const env = { TYK_GW_STORAGE_ENABLECLUSTER: "true", TYK_GW_STORAGE_HOSTS: "h:1,h:2,i:1,i:2,j:1,j:2", ...pool };
    const backend = redis({ ...env, REDIGOCLUSTER_SHARDCOUNT: "128" });
    expect(backend.kind).toBe("cluster");
    expect(backend.nodes).toHaveLength(6);
    expect(backend.maxPending).toBe(10_000);
    const { notices } = resolve({ ...env, REDIGOCLUSTER_SHARDCOUNT: "128" });
    expect(notices.map(({ code }) => code).sort()).toEqual(["INFO_FLEET_IGNORED", "WARN_FLEET_DEPRECATED_HOSTS"]);
    const ignored = notices.find(({ code }) => code === "INFO_FLEET_IGNORED")?.message;
    for (const name of [...Object.keys(pool), "REDIGOCLUSTER_SHARDCOUNT"]) expect(ignored).toContain(name);
  });

  it.each([
    ["sentinel_password", `{"storage": {"addrs": ["s"], "master_name": "m", "sentinel_password": "p"}}`],
    ["redis_sentinel_password", `{"redis_addrs": ["s"], "redis_master_name": "m", "redis_sentinel_password": "p"}`],
    ["pump's", `{"analytics_storage_config": {"addrs": ["s"], "master_name": "m", "sentinel_password": "p"}}`],
    [
      "SentinelPassword",
      `{"BackEnd": {"IdentityBackendSettings": {"Addrs": ["s"], "MasterName": "m", "SentinelPassword": "p"}}}`,
    ],
  ])("%s is that of the sentinels", (_, text) => {
    expect(redis(...file(text)).sentinel).toEqual({ name: "m", password: "p" });
  });
});
