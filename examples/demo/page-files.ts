import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { repository } from "./repository.js";

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** Only the page's own files run and are loaded, whatever text comes into it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** The files of the page by their path; that of index.html is `/`. They are not compiled: browsers get what is written there. */
export function readPage(): ReadonlyMap<string, PageFile> {
  const folder = new URL("examples/demo/page/", repository);
  return new Map(
    readdirSync(folder).map((name) => {
      const type = types[extname(name)] ?? "application/octet-stream";
      const text = readFileSync(new URL(name, folder), "utf8");
      return [name === "index.html" ? "/" : `/${name}`, { type, text }];
    }),
  );
}

export function sendPageFile(req: IncomingMessage, res: ServerResponse, { type, text }: PageFile): void {
  res.writeHead(200, {
    "Content-Type": type,
    "Content-Security-Policy": policy,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
  });
  res.end(req.method === "HEAD" ? undefined : text);
}
