import type { AnyBackend, BackendEvents, BackendState, BackendStats } from "./backend/backend.js";
import { openBackend, type OpenBackendOptions } from "./backend/open-backend.js";
import { roomNames, type FleetConfig, type RoomName } from "./config/backend-config.js";
import { UnavailableError } from "./core/errors.js";

/** What happens to the backends of a fleet; `room` names the room whose own backend it is, and is missing for the default one. */
export type FleetEvents = {
  readonly [E in keyof BackendEvents]: BackendEvents[E] & { readonly room?: RoomName };
};

/** What the backends of a fleet are opened with. */
export interface OpenBackendsOptions extends Omit<OpenBackendOptions, "config" | "namespace" | "instance"> {
  readonly config: Pick<FleetConfig, "backend" | "backends" | "namespace" | "instance">;
}

/** One backend of a fleet, and the room that it is for; undefined for the default one. */
export interface BackendOfFleet {
  readonly room: RoomName | undefined;
  readonly backend: AnyBackend;
}

/** Opens the default backend, and one for each room that has its own; those on Redis connect in the background. */
export function openBackends({ config, ...rest }: OpenBackendsOptions): FleetBackends {
  const { backend, backends = {}, namespace, instance } = config;
  const open = (of: FleetConfig["backend"]): AnyBackend => openBackend({ ...rest, config: of, namespace, instance });
  const own = roomNames.flatMap((room) => {
    const of = backends[room];
    return of === undefined ? [] : [{ room, backend: open(of) }];
  });
  return new FleetBackends(open(backend), own);
}

/** From the least to the worst; `closed` is the least, so that a fleet is closed only when all of its backends are. */
const ranks: readonly BackendState[] = ["closed", "ready", "degraded", "starting", "down", "fatal", "draining"];

/** The backends of a fleet as one. */
export class FleetBackends {
  /** The one of every room that has none of its own. */
  readonly default: AnyBackend;
  /** All of them, the default one first. */
  readonly all: readonly BackendOfFleet[];

  constructor(defaultBackend: AnyBackend, own: readonly BackendOfFleet[]) {
    this.default = defaultBackend;
    this.all = [{ room: undefined, backend: defaultBackend }, ...own];
  }

  /** The worst state of all. */
  get state(): BackendState {
    return ranks[Math.max(...this.all.map(({ backend }) => ranks.indexOf(backend.state)))] as BackendState;
  }

  of(room: RoomName): AnyBackend {
    return this.all.find((each) => each.room === room)?.backend ?? this.default;
  }

  /** Resolves when every one is ready; rejects with the diagnosis of the first that is not, and says whose it is. */
  async ready(): Promise<void> {
    await Promise.all(
      this.all.map(({ room, backend }) =>
        backend.ready().catch((error: unknown) => {
          throw room === undefined ? error : ofRoom(room, error);
        }),
      ),
    );
  }

  /** The counters of the rooms' own backends. */
  statsOfRooms(): Readonly<Partial<Record<RoomName, BackendStats>>> {
    return Object.fromEntries(
      this.all.flatMap(({ room, backend }) => (room === undefined ? [] : [[room, backend.stats()]])),
    );
  }

  /** Calls the listener at each event of each backend; the returned function ends that. */
  on<E extends keyof FleetEvents>(event: E, listener: (payload: FleetEvents[E]) => void): () => void {
    const ends = this.all.map(({ room, backend }) =>
      // What the listener returns is passed on: a promise of it that rejects is reported like what it throws.
      backend.on(event, room === undefined ? listener : (payload) => listener({ ...payload, room })),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  /** From now on a call that would have to wait for an absent server fails at once, whichever backend it is for. */
  drain(): void {
    for (const { backend } of this.all) backend.drain();
  }
}

function ofRoom(room: RoomName, error: unknown): unknown {
  if (!(error instanceof UnavailableError)) return error;
  const { message, cause, help, code } = error;
  return new UnavailableError(`${room}: ${message}`, { cause, ...(help === undefined ? {} : { help }) }, code);
}
