import type { IncomingMessage, ServerResponse } from "node:http";
import type { Backend } from "../backend/backend.js";
import { EventStream, lastEventIdOf } from "../http/sse.js";
import { isAfter, type LoggedChange, type RegistryLog } from "./registry-log.js";
import { changeView, type Viewer } from "./reservation-view.js";

const reconnectAfter = 2_000;

/**
 * Sends the changes of a registry to a browser as they happen, beginning after the one that it saw last, on whatever
 * instance that was. `reset` tells it to list anew: at the beginning of a stream, and whenever changes were missed.
 *
 * Rejects, before anything is sent, when the log cannot be read. While the instance drains, a stream ends as soon as the
 * browser is up to date: it then comes back, to another instance.
 */
export async function streamChanges(
  req: IncomingMessage,
  res: ServerResponse,
  log: RegistryLog,
  backend: Pick<Backend, "state" | "on">,
  viewer: Viewer,
): Promise<void> {
  const early: LoggedChange[] = [];
  let stream: EventStream | undefined;
  let sentTo = "0-0";
  let hasMissed = false;
  const send = (entry: LoggedChange): void => {
    // What was read may be told later than it was read.
    if (!isAfter(entry, sentTo)) return;
    sentTo = entry.position;
    stream?.send({ id: entry.id, event: "change", data: JSON.stringify(changeView(entry.change, viewer)) });
  };
  const ends = [
    // Before the log is read, so that nothing falls between what is read and what is told.
    log.on("entry", (entry) => (stream === undefined ? void early.push(entry) : send(entry))),
    log.on("reset", () => {
      // What comes now is new, whatever stood at its position before.
      sentTo = "0-0";
      hasMissed = true;
      stream?.send({ event: "reset", data: "{}" });
    }),
    backend.on("state", ({ to }) => to === "draining" && stream?.close()),
  ];
  const end = (): void => ends.forEach((each) => each());
  try {
    const replay = await log.since(lastEventIdOf(req));
    stream = new EventStream(req, res, { retry: reconnectAfter });
    stream.signal.addEventListener("abort", end, { once: true });
    if (replay.status === "reset") {
      sentTo = replay.position;
      stream.send({ ...(replay.id === undefined ? {} : { id: replay.id }), event: "reset", data: "{}" });
    } else replay.changes.forEach(send);
    early.forEach(send);
    if (hasMissed) stream.send({ event: "reset", data: "{}" });
    if (stream.signal.aborted) end();
    else if (backend.state === "draining") stream.close();
  } catch (error) {
    end();
    throw error;
  }
}
