import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { abilities, openLab, secrets, type Lab } from "./start-diagnosis-lab.js";
import { attempt, timeouts, type Attempt, type Outcome } from "./start-diagnosis-run.js";

// Every way to connect to the wrong thing, on real servers: it ends within its time, with its code, the address and the fix.

type Mode = "single" | "sentinel" | "cluster";
const modes: readonly Mode[] = ["single", "sentinel", "cluster"];

interface Mistake {
  readonly name: string;
  readonly what: (lab: Lab) => Attempt;
  readonly code: string;
  /** The address that the message must name; none for a mistake that is seen before anything is dialled. */
  readonly where?: (lab: Lab) => string;
  readonly message?: RegExp;
  readonly help: RegExp;
}

function url(mode: Mode, address: string, { credentials = "", tls = false, path = "" } = {}): string {
  const scheme = `${tls ? "rediss" : "redis"}${mode === "single" ? "" : `+${mode}`}`;
  const at = credentials === "" ? "" : `${credentials}@`;
  return `${scheme}://${at}${address}${mode === "sentinel" && path === "" ? "/mymaster" : path}`;
}

function inEachMode(name: string, make: (mode: Mode) => Omit<Mistake, "name">): Mistake[] {
  return modes.map((mode) => ({ name: `${name}, given as ${mode}`, ...make(mode) }));
}

const data = `:${secrets.data}`;
const wrong = `:${secrets.wrong}`;

const wrongModes: readonly Mistake[] = [
  {
    name: "a Sentinel, given as single",
    what: (lab) => ({ options: { backend: { url: url("single", lab.sentinel), password: secrets.sentinel } } }),
    where: (lab) => lab.sentinel,
    code: "ERR_FLEET_MODE_IS_SENTINEL",
    help: /redis\+sentinel:\/\/host:26379\/NAME/,
  },
  {
    name: "a Sentinel, given as cluster",
    what: (lab) => ({ options: { backend: { url: url("cluster", lab.sentinel), password: secrets.sentinel } } }),
    where: (lab) => lab.sentinel,
    code: "ERR_FLEET_MODE_IS_SENTINEL",
    help: /redis\+sentinel:\/\/host:26379\/NAME/,
  },
  {
    name: "a node of a cluster, given as single",
    what: (lab) => ({ options: { backend: url("single", lab.cluster, { credentials: data }) } }),
    where: (lab) => lab.cluster,
    code: "ERR_FLEET_MODE_IS_CLUSTER",
    help: /redis\+cluster:\/\/127.*REDIS_URL='\[\{"host":"127\.0\.0\.1","port":\d+\}\]'/,
  },
  {
    name: "a node of a cluster, given as sentinel",
    what: (lab) => ({
      options: {
        backend: { url: url("sentinel", lab.cluster), sentinel: { name: "mymaster", password: secrets.data } },
      },
    }),
    where: (lab) => lab.cluster,
    code: "ERR_FLEET_MODE_NOT_SENTINEL",
    message: /node of a cluster/,
    help: /redis\+cluster:\/\/127/,
  },
  {
    name: "one server, given as sentinel",
    what: (lab) => ({ options: { backend: url("sentinel", lab.open) } }),
    where: (lab) => lab.open,
    code: "ERR_FLEET_MODE_NOT_SENTINEL",
    help: /redis:\/\/127.*leave the name of the primary away/,
  },
  {
    name: "one server, given as cluster",
    what: (lab) => ({ options: { backend: url("cluster", lab.open) } }),
    where: (lab) => lab.open,
    code: "ERR_FLEET_MODE_NOT_CLUSTER",
    help: /write redis:\/\/127/,
  },
  {
    name: "a replica, given as single",
    what: (lab) => ({ options: { backend: url("single", lab.replica, { credentials: data }) } }),
    where: (lab) => lab.replica,
    code: "ERR_FLEET_IS_REPLICA",
    help: /give the address of the primary/,
  },
  {
    name: "sentinels that know no primary of this name",
    what: (lab) => ({
      options: {
        backend: {
          url: url("sentinel", lab.sentinel, { path: "/other" }),
          sentinel: { name: "other", password: secrets.sentinel },
        },
      },
    }),
    where: (lab) => lab.sentinel,
    code: "ERR_FLEET_SENTINEL_NO_SUCH_MASTER",
    message: /"other"/,
    help: /they know: mymaster/,
  },
];

const sentinelAuth = (name: string, password: object, help = /set FLEET_SENTINEL_PASSWORD/): Mistake => ({
  name: `sentinels, ${name}`,
  what: (lab) => ({
    options: { backend: { url: url("sentinel", lab.sentinel), sentinel: { name: "mymaster", ...password } } },
  }),
  where: (lab) => lab.sentinel,
  code: "ERR_FLEET_AUTH",
  help,
});

const behindSentinels = (name: string, more: object, expected: Omit<Mistake, "name" | "what" | "where">): Mistake => ({
  name: `sentinels that are right, ${name}`,
  what: (lab) => ({
    options: {
      backend: {
        url: url("sentinel", lab.sentinel),
        sentinel: { name: "mymaster", password: secrets.sentinel },
        ...more,
      },
    },
  }),
  where: (lab) => lab.primary,
  ...expected,
});

const dataAuth = { code: "ERR_FLEET_AUTH", help: /set FLEET_USERNAME and FLEET_PASSWORD/ };

const credentials: readonly Mistake[] = [
  ...(["single", "cluster"] as const).flatMap((mode): Mistake[] => {
    const where = (lab: Lab): string => (mode === "single" ? lab.locked : lab.cluster);
    const given = (text: string) => (lab: Lab) => ({
      options: { backend: url(mode, where(lab), { credentials: text }) },
    });
    return [
      { name: `a wrong password, ${mode}`, what: given(wrong), where, ...dataAuth },
      { name: `no password, ${mode}`, what: given(""), where, ...dataAuth },
      { name: `an unknown user, ${mode}`, what: given(`nobody${data}`), where, ...dataAuth },
    ];
  }),
  {
    name: "a password that the server does not want",
    what: (lab) => ({ options: { backend: url("single", lab.open, { credentials: wrong }) } }),
    where: (lab) => lab.open,
    code: "ERR_FLEET_AUTH",
    help: /leave the password away/,
  },
  sentinelAuth("a wrong password", { password: secrets.wrong }),
  sentinelAuth("no password", {}),
  sentinelAuth("the password of the data servers", { password: secrets.data }),
  sentinelAuth("an unknown user", { username: "nobody", password: secrets.sentinel }),
  behindSentinels("a wrong password of the data servers", { password: secrets.wrong }, dataAuth),
  behindSentinels("no password of the data servers", {}, dataAuth),
  behindSentinels("the password of the sentinels", { password: secrets.sentinel }, dataAuth),
];

const users: readonly Mistake[] = [
  {
    name: "a user of a cluster who may do nothing",
    what: (lab) => ({ options: { backend: url("cluster", lab.cluster, { credentials: `bare${data}` }) } }),
    where: (lab) => lab.cluster,
    code: "ERR_FLEET_PERMISSION",
    help: /\+cluster\|slots.*docs\/topologies\.md/,
  },
  {
    ...sentinelAuth("a user who may do nothing", { username: "bare", password: secrets.sentinel }, /\+sentinel/),
    code: "ERR_FLEET_PERMISSION",
  },
];

const databases: readonly Mistake[] = [
  {
    name: "a database that the server does not have",
    what: (lab) => ({ options: { backend: url("single", lab.open, { path: "/9" }) } }),
    where: (lab) => lab.open,
    code: "ERR_FLEET_DB_OUT_OF_RANGE",
    help: /use database 0/,
  },
  behindSentinels(
    "a database that the primary does not have",
    { password: secrets.data, database: 9 },
    { code: "ERR_FLEET_DB_OUT_OF_RANGE", help: /use database 0/ },
  ),
  {
    name: "a database of a node of a cluster, given as single",
    what: (lab) => ({ options: { backend: url("single", lab.cluster, { credentials: data, path: "/3" }) } }),
    where: (lab) => lab.cluster,
    code: "ERR_FLEET_DB_OUT_OF_RANGE",
    message: /node of a cluster/,
    help: /redis\+cluster:\/\/127/,
  },
];

const network: readonly Mistake[] = (
  [
    ["nobody listens", "nobody", "ERR_FLEET_UNAVAILABLE", /is the server running, is the port right/],
    ["a port that says nothing", "silent", "ERR_FLEET_UNAVAILABLE", /a firewall, or the wrong address/],
    ["a port that speaks HTTP", "http", "ERR_FLEET_UNAVAILABLE", /no Redis listens there/],
    ["a port that hangs up", "hangsUp", "ERR_FLEET_UNAVAILABLE", /a proxy without a server behind it/],
    ["a server in protected mode", "protectedMode", "ERR_FLEET_AUTH", /requirepass.*protected-mode/],
    ["a server whose maxclients is reached", "full", "ERR_FLEET_UNAVAILABLE", /raise maxclients/],
    ...(abilities.slowLoading
      ? ([["a server that loads its data", "loading", "ERR_FLEET_UNAVAILABLE", /nothing is to be mended/]] as const)
      : []),
  ] as const
).flatMap(([name, key, code, help]) =>
  inEachMode(name, (mode) => ({
    what: (lab) => ({ options: { backend: url(mode, lab[key], { credentials: "" }) } }),
    where: (lab) => lab[key],
    code,
    help,
  })),
);

const unresolved = inEachMode("a name that does not resolve", (mode) => ({
  what: () => ({ options: { backend: url(mode, "no-such-host.invalid:6379") } }),
  where: () => "no-such-host.invalid:6379",
  code: "ERR_FLEET_UNAVAILABLE",
  help: /name does not resolve|name server/,
}));

type TlsOptions = (lab: Lab) => object | undefined;

const overTls = (name: string, tls: TlsOptions, help: RegExp, message = /./): Mistake[] =>
  inEachMode(name, (mode) => ({
    what: (lab) => ({ options: { backend: { url: url(mode, lab.overTls[mode]), tls: tls(lab) } as never } }),
    where: (lab) => lab.overTls[mode],
    code: "ERR_FLEET_TLS",
    message,
    help,
  }));

const certificates: readonly Mistake[] = [
  ...overTls("a TLS port, spoken to in plain text", () => undefined, /rediss:\/\/ for redis:\/\/, or FLEET_TLS=true/),
  ...overTls("an authority that is not named", ({ client }) => ({ ...client, caFile: undefined }), /FLEET_TLS_CA_FILE/),
  ...overTls(
    "a name that is not in the certificate",
    ({ client }) => ({ ...client, servername: "redis.example" }),
    /FLEET_TLS_SERVERNAME/,
    /redis\.example.*localhost/,
  ),
  ...overTls("no client certificate", ({ client: { caFile } }) => ({ caFile }), /FLEET_TLS_CERT_FILE, FLEET_TLS_KEY/),
  ...overTls("a client certificate that has ended", (lab) => lab.expiredClient, /has ended.*FLEET_TLS_CERT_FILE/),
  ...overTls("a stranger's client certificate", (lab) => lab.foreignClient, /FLEET_TLS_CERT_FILE must be signed by/),
  ...(["sentinel", "cluster"] as const).map((mode): Mistake => ({
    name: `announced addresses that are not in the certificates, ${mode}`,
    what: (lab) => ({ options: { backend: { url: url(mode, lab.overTls[mode]), tls: lab.client } } }),
    where: () => "127.0.0.1:",
    code: "ERR_FLEET_TLS",
    message: /not in the cert/,
    help: /FLEET_TLS_SERVERNAME/,
  })),
  ...inEachMode("a port in plain text, spoken to in TLS", (mode) => ({
    what: (lab) => ({ options: { backend: url(mode, lab[plainPort[mode]], { tls: true }) } }),
    where: (lab) => lab[plainPort[mode]],
    code: "ERR_FLEET_TLS",
    help: /does not speak TLS: remove tls/,
  })),
  ...(["expired", "otherName"] as const).map((which): Mistake => ({
    name: `a server's certificate: ${which}`,
    what: ({ overTls: { [which]: address }, client: { caFile } }) => ({
      options: { backend: { url: url("single", address, { tls: true }), tls: { caFile } } },
    }),
    where: (lab) => lab.overTls[which],
    code: "ERR_FLEET_TLS",
    help: which === "expired" ? /server's certificate has ended: renew it/ : /FLEET_TLS_SERVERNAME/,
  })),
];

const plainPort = { single: "open", sentinel: "sentinel", cluster: "cluster" } as const;

const configuration: readonly Mistake[] = [
  {
    name: "a list that is cut off",
    what: () => ({ environment: { REDIS_URL: `[{"host":"127.0.0.1","port":6379,"password":"${secrets.data}"` } }),
    code: "ERR_FLEET_CONFIG_JSON",
    message: /REDIS_URL/,
    help: /./,
  },
  {
    name: "options that are cut off",
    what: (lab) => ({
      environment: { REDIS_URL: `redis://${lab.open}`, REDIS_OPTIONS: `{"password":"${secrets.data}","db":` },
    }),
    code: "ERR_FLEET_CONFIG_JSON",
    message: /REDIS_OPTIONS/,
    help: /./,
  },
  {
    name: "a cluster and sentinels at once",
    what: (lab) => ({
      environment: {
        TYK_GW_STORAGE_ADDRS: lab.cluster,
        TYK_GW_STORAGE_ENABLECLUSTER: "true",
        TYK_GW_STORAGE_MASTERNAME: "mymaster",
        TYK_GW_STORAGE_PASSWORD: secrets.data,
      },
    }),
    code: "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
    help: /./,
  },
  {
    name: "a database of a cluster",
    what: (lab) => ({ options: { backend: url("cluster", lab.cluster, { credentials: data, path: "/3" }) } }),
    code: "ERR_FLEET_CONFIG_DB_CLUSTER",
    help: /namespace/i,
  },
];

const mistakes: readonly Mistake[] = [
  ...wrongModes,
  ...credentials,
  ...databases,
  ...network,
  ...unresolved,
  ...configuration,
  ...(abilities.users ? users : []),
  ...(abilities.tls ? certificates : []),
];

let lab: Lab;
let keysWritten: number;
const outcomes = new Map<string, Outcome>();
beforeAll(async () => {
  lab = await openLab();
  await Promise.all(mistakes.map(async ({ name, what }) => outcomes.set(name, await attempt(what(lab)))));
  keysWritten = await lab.keysWritten();
});
afterAll(() => lab?.stop());

describe("each mistake", () => {
  test.each(mistakes.map((mistake) => [mistake.name, mistake] as const))("%s", (name, mistake) => {
    const { code, where, message, help } = mistake;
    const { error, callError, waited, output } = outcomes.get(name) as Outcome;
    expect(error?.code, error?.message).toBe(code);
    if (where !== undefined) {
      expect(error?.message).toContain(where(lab));
      expect(error?.executed).toBe("no");
      expect(callError?.message).toContain(where(lab));
    }
    if (message !== undefined) expect(error?.message).toMatch(message);
    expect(error?.help).toMatch(help);
    expect(waited).toBeLessThan(timeouts.start * 5);
    for (const secret of [...Object.values(secrets), ...lab.keys]) expect(output).not.toContain(secret);
  });

  test("no two have one name, and nothing was written anywhere", () => {
    expect(outcomes.size).toBe(mistakes.length);
    expect(keysWritten).toBe(0);
  });
});
