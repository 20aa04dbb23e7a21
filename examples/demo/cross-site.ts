import type { IncomingMessage } from "node:http";

/**
 * Whether a browser sends this for a page of another origin. `Sec-Fetch-Site` decides, which pages cannot forge; where a
 * browser sends none, `Origin`. A request with neither does not come from a page.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return headers.origin !== undefined && headers.origin !== `http://${headers.host}`;
}
