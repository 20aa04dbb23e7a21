import type { IncomingMessage } from "node:http";
import { ReservationInputError } from "./errors.js";

/** What a client sent, as a JSON object. */
export type Body = Readonly<Record<string, unknown>>;

const longest = 65_536;

/**
 * The JSON object of a request, whichever type it is sent as: `navigator.sendBeacon` sends text.
 *
 * What a parser of the app has read is taken from `req.body`; otherwise it is read here, up to 64 kB. Nothing at all is an
 * empty object. Rejects with `ReservationInputError`: 413 when it is too long, 400 when it is no JSON object.
 */
export async function bodyOf(req: IncomingMessage): Promise<Body> {
  const { body, _body: wasParsed } = req as IncomingMessage & { body?: unknown; _body?: boolean };
  if (typeof body === "string" || Buffer.isBuffer(body)) return objectOf(body.toString());
  // Parsers of Express 4 leave an empty object where they read nothing.
  const isParsed = body !== undefined && body !== null && (wasParsed === true || Object.keys(body).length > 0);
  return isParsed || req.readableEnded ? checked(body ?? {}) : objectOf(await read(req));
}

function read(req: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on("data", (chunk: Buffer) => {
      length += chunk.byteLength;
      // What is left is read and dropped, since a client that is still sending would not see the answer.
      if (length <= longest) chunks.push(chunk);
      else reject(tooLong());
    });
    req.once("end", () => resolve(Buffer.concat(chunks).toString()));
    req.once("error", reject);
    req.once("close", () => reject(new ReservationInputError("the body has no end", "send all of it")));
  });
}

function tooLong(): ReservationInputError {
  return new ReservationInputError(`the body is longer than ${longest} bytes`, "name fewer items at once", {
    status: 413,
  });
}

function objectOf(text: string): Body {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReservationInputError("the body is no JSON", 'send an object: { "item": "42" }', { cause: error });
  }
  return checked(value);
}

function checked(value: unknown): Body {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  throw new ReservationInputError("the body is no JSON object", 'send an object: { "item": "42" }');
}
