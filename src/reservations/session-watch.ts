import type { IncomingMessage } from "node:http";

/** What reservations want to know of sessions, whoever keeps those. */
export interface SessionWatch {
  /** The public and stable name of a request's session, from which no cookie can be made; undefined when it has none. */
  of(req: IncomingMessage): string | undefined;
  /** Calls the listener with the name of a session that was destroyed, and waits for it; the returned function ends that. */
  onEnded(listener: (session: string) => Promise<void> | void): () => void;
  /** Calls the listener with the names of a session before and after it was regenerated, and waits for it. */
  onRotated(listener: (from: string, to: string) => Promise<void> | void): () => void;
}
