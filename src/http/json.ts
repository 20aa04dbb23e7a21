import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** What an answer carries beside its body. */
export interface JsonOptions {
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Set last, so they win over ours. */
  readonly headers?: OutgoingHttpHeaders;
}

/**
 * Answers with a JSON text that nobody may store.
 *
 * A response whose head was already sent cannot be answered again: unless it is complete it is cut off, so that the
 * client sees a failure and not half of another answer. Throws, before anything is set, when `body` cannot be written as JSON.
 */
export function sendJson(res: ServerResponse, status: number, body: unknown, options: JsonOptions = {}): void {
  const content = Buffer.from(JSON.stringify(body) ?? "null");
  if (res.headersSent) {
    // A complete answer may still be on its way to the client; only a half one is cut off.
    if (!res.writableEnded) res.destroy();
    return;
  }
  res.statusCode = status;
  res.setHeader("Content-Type", options.contentType ?? "application/json");
  res.setHeader("Content-Length", content.byteLength);
  res.setHeader("Cache-Control", "no-store");
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) res.setHeader(name, value);
  }
  res.end(content);
}
