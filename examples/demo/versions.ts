import { readFileSync } from "node:fs";
import { repository } from "./repository.js";
import type { Columns } from "./table.js";

/** What runs in the two columns, with the versions that are installed. */
export function labels(embedded: boolean): Columns {
  const store = embedded
    ? "MemoryStore"
    : `connect-redis ${installed("connect-redis")} over ioredis ${installed("ioredis")}`;
  return {
    usual: `express-session ${installed("express-session")} with ${store}`,
    ours: `${versionIn("package.json")}; its app declares sessions: { merge: { fields: { count: "counter" } } }`,
  };
}

function installed(name: string): string {
  return versionIn(`node_modules/${name}/package.json`);
}

function versionIn(path: string): string {
  const text = readFileSync(new URL(path, repository), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
