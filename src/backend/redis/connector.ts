import { createConnection, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { AbstractConnector } from "ioredis";
import type { NodeAddress } from "../../config/backend-config.js";

/** A class in the form that ioredis' `Connector` option takes. */
export type ConnectorClass = new (options: unknown) => AbstractConnector;

/**
 * Makes the ioredis connector that dials one address once and hands over its socket.
 *
 * Our own, because ioredis does not export its standalone connector, and the socket is needed for corking.
 */
export function connectorFor(
  address: NodeAddress,
  tls: TlsOptions | undefined,
  onSocket: (socket: Socket) => void,
): ConnectorClass {
  return class Dialer extends AbstractConnector {
    constructor() {
      super(0);
    }

    override connect(): Promise<Socket> {
      this.connecting = true;
      const where = address.path === undefined ? { host: address.host, port: address.port } : { path: address.path };
      const socket = tls === undefined ? createConnection(where) : connectTls({ ...where, ...tls });
      socket.once("error", (error) => {
        this.firstError = error;
      });
      this.stream = socket;
      onSocket(socket);
      return Promise.resolve(socket);
    }
  };
}
