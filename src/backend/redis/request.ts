import type { Connection } from "./connection.js";
import type { Node } from "./node.js";

/** One call as the rooms mean it: a key, and how to write it to a connection. */
export interface Request<T> {
  readonly key: string;
  /** For errors and statistics. */
  readonly name: string;
  /** It stores nothing, so that no fence holds it back. */
  readonly readOnly: boolean;
  /** Somebody notices that it was executed, although it stores nothing. */
  readonly noticed?: boolean;
  /** Any server will do; the key only chooses among those that are there. */
  readonly anywhere?: boolean;
  /** Milliseconds. */
  readonly deadline: number;
  /** `asking`: each command is preceded by ASKING, and no reply may ask for a second round on its own. */
  readonly send: (connection: Connection, asking: boolean) => Promise<T>;
  /** The way to a server, where that is not the connection which all calls share. */
  readonly lane?: (owner: Node) => Lane;
}

/** A way of one request to a server beside the shared connection. */
export interface Lane {
  /** Keeps the lane's connection up. */
  readonly node: Node;
  /** The connection, when the request can be written to it now. */
  readonly connection: Connection | undefined;
  /** Sends, and resolves when all is done that the request asks of the lane. */
  readonly run: <T>(send: () => Promise<T>) => Promise<T>;
}
