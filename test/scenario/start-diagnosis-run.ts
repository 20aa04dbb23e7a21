import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import type { Fleet, FleetOptions, Logger } from "../../src/index.js";
import { createFleetWith, createSession } from "./fleet-for-test.js";

/** Short, so that the table is through soon; the mistakes are found in the same way at the defaults. */
export const timeouts = { connect: 1_000, start: 3_000, command: 1_500 } as const;

/** A fleet that is configured by mistake. */
export interface Attempt {
  readonly options?: FleetOptions;
  readonly environment?: Readonly<Record<string, string>>;
}

/** How it ended. */
export interface Outcome {
  /** What `createFleet` threw, or `ready()` rejected with; undefined when it did not. */
  readonly error: (Error & { readonly code?: string; readonly help?: string; readonly executed?: string }) | undefined;
  /** What a call was answered with; undefined when it was carried out. */
  readonly callError: (Error & { readonly code?: string; readonly help?: string }) | undefined;
  /** Milliseconds until `ready()` settled. */
  readonly waited: number;
  /** All that anybody could read of it, logged, emitted, thrown and shown. */
  readonly output: string;
}

/** Creates the fleet, waits for it, makes a call, and keeps everything that it says. */
export async function attempt({ options = {}, environment = {} }: Attempt): Promise<Outcome> {
  const said: unknown[] = [];
  const began = performance.now();
  let fleet: Fleet;
  try {
    fleet = createFleetWith({ timeouts, logger: loggerInto(said), ...options }, { environment });
  } catch (error) {
    return { error: error as Error, callError: undefined, waited: performance.now() - began, output: show(error) };
  }
  for (const event of ["state", "failover", "topology", "gap", "warning"] as const)
    fleet.on(event, (payload) => said.push({ event, payload }));
  const call = rejectionOf(createSession(fleet));
  const error = await rejectionOf(fleet.ready());
  const waited = performance.now() - began;
  const callError = await call;
  said.push(error, callError, fleet.topology(), fleet.stats(), await healthOf(fleet));
  await fleet.close();
  return { error, callError, waited, output: said.map(show).join("\n") };
}

function loggerInto(said: unknown[]): Logger {
  const keep =
    (level: string) =>
    (fields: object, message: string): void =>
      void said.push({ level, fields, message });
  return { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}

async function rejectionOf(promise: Promise<unknown>): Promise<Error | undefined> {
  return promise.then(
    () => undefined,
    (error: Error) => error,
  );
}

/** What a balancer, and whoever asks it for more, sees. */
async function healthOf(fleet: Fleet): Promise<readonly string[]> {
  const router = fleet.health.router();
  const server = createServer((req, res) => router(req, res, () => res.end()));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const bodies = ["/live?verbose", "/ready", "/ready?verbose"].map(async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
    return response.text();
  });
  const seen = await Promise.all(bodies);
  server.close();
  return seen;
}

/** As a log shows it, with causes, and properties that are not enumerable. */
function show(value: unknown): string {
  const json = JSON.stringify(value, (_name, part: unknown) => (part instanceof Error ? { ...part } : part));
  return `${inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null })}\n${json}`;
}
