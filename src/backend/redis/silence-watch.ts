import type { Clock, Timer } from "../../core/clock.js";
import type { Connection } from "./connection.js";

/** What happens on the way. */
export interface SilenceHandlers {
  /** Sends something that the server answers. */
  readonly heartbeat: () => void;
  /** The server was heard since the last look. */
  readonly onHeard?: () => void;
  /** The server is silent for a second although something was asked. */
  readonly onSuspect?: () => void;
}

// One look every half second; the others are numbers of looks.
const lookEvery = 500;
const suspectAfter = 2;
const endAfter = 4;
const heartbeatAfter = 6;

/**
 * Judges a connection by what is heard: silence while something is asked makes the server suspect after 1 s and ends the
 * connection, as `killed`, after 2 s; a connection that is at rest is asked something every 3 s.
 *
 * A frozen server and a half-open socket keep TCP content for minutes. The returned function ends the watch.
 */
export function watchSilence(connection: Connection, clock: Clock, handlers: SilenceHandlers): () => void {
  let heard = connection.heard;
  let silent = 0;
  let atRest = 0;
  let ended = false;
  let timer: Timer | undefined;
  const plan = (): void => {
    timer = clock.setTimeout(look, lookEvery);
  };
  const endSilent = (): void => {
    if (ended) return;
    if (connection.heard !== heard) return plan();
    connection.killed = true;
    connection.destroy(new Error(`no answer for ${endAfter * lookEvery} ms`));
  };
  function look(): void {
    if (ended) return;
    if (connection.heard !== heard) {
      heard = connection.heard;
      silent = 0;
      atRest = 0;
      handlers.onHeard?.();
    } else if (connection.outstanding > 0) {
      silent += 1;
      if (silent === suspectAfter) handlers.onSuspect?.();
      if (silent >= endAfter) {
        // A process that was busy itself has not read the answer yet: let this turn's input be read before judging.
        setImmediate(endSilent);
        return;
      }
    } else if ((atRest += 1) >= heartbeatAfter) {
      atRest = 0;
      handlers.heartbeat();
    }
    plan();
  }
  plan();
  return () => {
    ended = true;
    timer?.cancel();
  };
}
