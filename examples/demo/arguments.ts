import { parseArgs } from "node:util";
import type { TopologyKind } from "../../test/support/servers/running-topology.js";

/** What the command line and `PORT` ask for. */
export interface DemoArguments {
  /** Servers to start; undefined takes those that the environment names, or none. */
  readonly topology: TopologyKind | undefined;
  /** Go through the trials, then end. */
  readonly check: boolean;
  /** Go through the trials before the page is all that is left to do. */
  readonly trials: boolean;
  /** 0 for any that is free. */
  readonly port: number;
  readonly help: boolean;
}

/** The arguments or `PORT` cannot be used. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `npm run demo -- [single|sentinel|cluster] [--check | --no-trials]

  (nothing)            every instance in one process; or, with REDIS_URL, FLEET_BACKEND and the like, on those servers
  single               starts one redis-server and ends it again
  sentinel             starts a primary, two replicas and three sentinels
  cluster              starts three primaries with a replica each
  --check              goes through the trials and ends: code 0 if ours is as promised, else 1
  --no-trials          only the page: its buttons work at once, and the trials can be run from there
  --help               prints this

  PORT=3000            where the demo listens; --check without PORT takes a free port`;

const topologies: readonly string[] = ["single", "sentinel", "cluster"] satisfies readonly TopologyKind[];

/** Reads the arguments after the script's name. Throws `UsageError`. */
export function readArguments(given: readonly string[], portVariable: string | undefined): DemoArguments {
  const { values, positionals } = parse(given);
  const [topology, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one kind of servers at a time, not ${positionals.join(" and ")}`);
  if (topology !== undefined && !topologies.includes(topology)) {
    throw new UsageError(`unknown argument ${JSON.stringify(topology)}; there are ${topologies.join(", ")}`);
  }
  const check = values.check ?? false;
  const trials = !(values["no-trials"] ?? false);
  if (check && !trials) throw new UsageError("--check goes through the trials, and --no-trials leaves them out");
  const port = portVariable?.trim() || undefined;
  return {
    topology: topology as TopologyKind | undefined,
    check,
    trials,
    port: port === undefined ? (check ? 0 : 3000) : readPort(port),
    help: values.help ?? false,
  };
}

function parse(given: readonly string[]): {
  readonly values: { check?: boolean; "no-trials"?: boolean; help?: boolean };
  readonly positionals: readonly string[];
} {
  try {
    return parseArgs({
      args: [...given],
      allowPositionals: true,
      options: {
        check: { type: "boolean" },
        "no-trials": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    // What follows the first sentence explains a syntax that this command does not need.
    throw new UsageError(String(error instanceof Error ? error.message : error).split(". ", 1)[0] ?? "");
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`PORT is ${JSON.stringify(text)}; it has to be a number from 0 to 65535, for example PORT=3001`);
}
