import type { ServerResponse } from "node:http";

/**
 * Sets the headers that were given to `writeHead(status, reason?, headers)`, so that others can be added; returns the
 * arguments without them. They replace what was set, and a name that stands in a list twice keeps both values.
 */
export function moveHeaders(response: ServerResponse, args: readonly unknown[]): unknown[] {
  const hasReason = typeof args[1] === "string";
  const headers = hasReason ? args[2] : (args[2] ?? args[1]);
  if (typeof headers !== "object" || headers === null) return [...args];
  const entries = Array.isArray(headers) ? pairsOf(headers as readonly unknown[]) : Object.entries(headers);
  for (const [name] of entries) response.removeHeader(name);
  for (const [name, value] of entries) if (value !== undefined) response.appendHeader(name, value as string);
  return args.slice(0, hasReason ? 2 : 1);
}

function pairsOf(list: readonly unknown[]): readonly (readonly [string, unknown])[] {
  if (Array.isArray(list[0])) return list as readonly (readonly [string, unknown])[];
  if (list.length % 2 !== 0) throw new TypeError("writeHead() got a list of headers in which a value is missing");
  return list.flatMap((name, index) => (index % 2 === 0 ? [[String(name), list[index + 1]] as const] : []));
}

const describesAnswer =
  /^(content-.*|transfer-encoding|etag|last-modified|location|refresh|cache-control|expires|accept-ranges|trailer)$/;

/** Takes back what the app said of an answer that is not sent, so that the error's answer does not carry it. */
export function clearAnswer(response: ServerResponse): void {
  if (response.headersSent) return;
  for (const name of response.getHeaderNames()) if (describesAnswer.test(name)) response.removeHeader(name);
  response.statusCode = 200;
  response.statusMessage = undefined as unknown as string;
}
