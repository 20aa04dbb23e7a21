import { createConnection, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import type { NodeAddress } from "../../config/backend-config.js";

/** How the address is dialled that failed. */
export interface ProbeOptions {
  readonly address: NodeAddress;
  readonly tls: TlsOptions | undefined;
  /** Milliseconds for each of at most two dials. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Codes of `diagnosis.ts` for what no server says in words. */
export const tlsWanted = "ERR_TLS_WANTED";
export const tlsNotSpoken = "ERR_TLS_NOT_SPOKEN";

const hungUp = /^(ECONNRESET|EPIPE)$/;
const redisReply = /^[-+]/;
const fromTls = /^(ERR_SSL|EPROTO)/;
const notTls = /WRONG_VERSION|wrong version number|HTTP_REQUEST|http request/;

/** What one dial met: the first bytes as text, the error that ended it, and whether TLS was agreed on. */
interface Heard {
  readonly text: string;
  readonly error: NodeJS.ErrnoException | undefined;
  readonly secure: boolean;
}

/**
 * Finds the reason of a server that hung up or said nothing, by dialling once more; `failure` when nothing is found.
 *
 * A server that closes a socket with unread bytes resets it, and what it had said is lost: that it wants TLS, a client
 * certificate, or has no room. So this time nothing is said that it would not read.
 */
export async function probe(failure: Error, options: ProbeOptions): Promise<Error> {
  if (options.signal.aborted) return failure;
  const { code = "" } = failure as NodeJS.ErrnoException;
  const wasClosed = hungUp.test(code) || failure.message.startsWith("Connection is closed");
  if (options.tls !== undefined) {
    if (code === "ETIMEDOUT") return (await answersInPlainText(options)) ?? failure;
    return wasClosed ? ((await alertOf(options)) ?? failure) : failure;
  }
  if (!wasClosed) return failure;
  return (await farewellOf(options)) ?? (await wantsTls(options)) ?? failure;
}

/** What a server says to whoever comes, before it hangs up: too many clients, protected mode. */
async function farewellOf(options: ProbeOptions): Promise<Error | undefined> {
  const { text } = await dial(options, {});
  const [line = ""] = text.split("\r\n");
  return line.startsWith("-") ? Object.assign(new Error(line.slice(1)), { name: "ReplyError" }) : undefined;
}

async function wantsTls(options: ProbeOptions): Promise<Error | undefined> {
  // Nothing is sent to it and nothing believed: whose certificate it is does not matter.
  const { secure, error } = await dial(options, { tls: { rejectUnauthorized: false }, untilSecure: true });
  return secure || isAlert(error) ? coded(tlsWanted, "it speaks TLS only") : undefined;
}

async function alertOf(options: ProbeOptions): Promise<Error | undefined> {
  // The handshake may end well here before the other side has looked at our certificate: its alert is waited for.
  const { error } = await dial(options, { tls: options.tls });
  return isAlert(error) ? error : undefined;
}

async function answersInPlainText(options: ProbeOptions): Promise<Error | undefined> {
  const { text } = await dial(options, { say: "PING\r\n" });
  return redisReply.test(text) ? coded(tlsNotSpoken, "it answers in plain text") : undefined;
}

/** Whether the other side said in TLS what it does not like. */
function isAlert(error: NodeJS.ErrnoException | undefined): boolean {
  return fromTls.test(error?.code ?? "") && !notTls.test(`${error?.code} ${error?.message}`);
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

interface Manner {
  readonly tls?: TlsOptions | undefined;
  readonly say?: string;
  /** Ends as soon as TLS is agreed on. */
  readonly untilSecure?: boolean;
}

/** Dials and listens until something is heard, the other side ends it, or the time is over. */
function dial({ address, limit, signal }: ProbeOptions, { tls, say, untilSecure }: Manner): Promise<Heard> {
  const where = address.path === undefined ? { host: address.host, port: address.port } : { path: address.path };
  return new Promise((resolve) => {
    const socket: Socket = tls === undefined ? createConnection(where) : connectTls({ ...where, ...tls });
    let secure = false;
    const end = (text: string, error?: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      socket.destroy();
      resolve({ text, error, secure });
    };
    const stop = (): void => end("");
    const timer = setTimeout(stop, limit);
    signal.addEventListener("abort", stop);
    socket.on("error", (error) => end("", error));
    socket.on("close", stop);
    socket.once("data", (bytes) => end(bytes.toString("latin1")));
    if (say !== undefined) socket.once("connect", () => socket.write(say));
    socket.once("secureConnect", () => {
      secure = true;
      if (untilSecure === true) stop();
    });
  });
}
