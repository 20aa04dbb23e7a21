import { readBotpress } from "./botpress.js";
import type { ConfigFile } from "./config-file.js";
import type { DialectContext } from "./dialect-fields.js";
import { Report } from "./problems.js";
import { variable } from "./scalars.js";
import type { Environment } from "./secret.js";
import { type Layer, type SettingPath, Settings, type Target } from "./settings.js";
import { namesOnlyEnabled, namesSpringServer, readSpring } from "./spring.js";
import { collectSpring } from "./spring-names.js";
import { collectTyk } from "./tyk-names.js";
import { namesTykServer, readTyk } from "./tyk.js";

/** What the dialects are read from, and what counts more than they do. */
export interface DialectSources {
  readonly env: Environment;
  readonly file: ConfigFile | undefined;
  readonly stronger: readonly Layer[];
  readonly report: Report;
}

/**
 * Reads the dialects of Botpress, Tyk (each of its programs on its own) and Spring as one source. Where two of them say
 * different things for one value that no stronger source gives, it is `ERR_FLEET_CONFIG_CONFLICT` naming both.
 */
export function readDialects({ env, file, stronger, report }: DialectSources): Layer {
  const gives = (path: SettingPath): boolean =>
    stronger.some(({ settings, target }) => (settings.get(path) ?? target?.carried.get(path)) !== undefined);
  const target = stronger.find((layer) => layer.target !== undefined)?.target;
  const tykEntries = collectTyk(env, file, report);
  const spring = collectSpring(env, file, report);
  const elsewhere = tykEntries.some(namesTykServer) || namesSpringServer(spring);
  const context: DialectContext = {
    target,
    namesServer: elsewhere || variable(env, "REDIS_URL") !== undefined,
    namesBackend: stronger.some((layer) => layer.namesBackend),
    hasPassword: gives("backend.password"),
    production: env["NODE_ENV"] === "production",
  };
  const decided = {
    ...(target === undefined ? {} : { target }),
    namesBackend: context.namesBackend,
    externalUrl: gives("externalUrl"),
    redisElsewhere: elsewhere || namesOnlyEnabled(spring),
  };
  const botpress = readBotpress(env, decided, report);
  const tyk = tykEntries.map((entries) => readTyk(entries, context, report));
  const others = [botpress, ...tyk];
  // A bare redis.enabled=true names no server: whoever names one says where it is.
  const rival = namesOnlyEnabled(spring)
    ? others.find((layer) => layer.target?.backend.kind !== "memory" && layer.namesBackend)
    : undefined;
  const springContext = rival === undefined ? context : { ...context, target: rival.target, namesBackend: true };
  return join([...others, readSpring(spring, springContext, report)], gives, report);
}

function join(layers: readonly Layer[], decided: (path: SettingPath) => boolean, report: Report): Layer {
  const effective = new Settings();
  const settings = new Settings();
  const carried = new Settings();
  const quiet = new Report();
  for (const layer of layers) {
    const own = new Settings();
    own.claimAll(layer.settings, quiet);
    if (layer.target !== undefined) own.claimAll(layer.target.carried, quiet);
    effective.claimAll(
      own.filtered((path) => !decided(path)),
      report,
    );
    settings.claimAll(layer.settings, quiet);
    if (layer.target !== undefined) carried.claimAll(layer.target.carried, quiet);
  }
  const targets = layers.flatMap((layer) => layer.target ?? []);
  const [first, ...rest] = targets;
  for (const other of rest) {
    if (first === undefined || same(first, other)) continue;
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      `${first.origin.name} and ${other.origin.name} name different backends`,
      "keep one of the two, or say which in FLEET_BACKEND",
    );
  }
  return {
    settings,
    namesBackend: layers.some((layer) => layer.namesBackend),
    ...(first === undefined ? {} : { target: { ...first, carried } }),
  };
}

function same(left: Target, right: Target): boolean {
  const text = ({ backend }: Target): string =>
    backend.kind === "memory"
      ? "memory"
      : `${backend.kind} ${backend.nodes
          .map((node) => node.path ?? `${node.host.toLowerCase()} ${node.port}`)
          .sort()
          .join()}`;
  return text(left) === text(right);
}
