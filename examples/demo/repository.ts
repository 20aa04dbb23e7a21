import { existsSync } from "node:fs";

const above = ["../../", "../../../"].map((path) => new URL(path, import.meta.url));

/** The folder of package.json, ends with a slash; found from here and from build/examples/demo, where this is compiled to. */
export const repository: URL = above.find((folder) => existsSync(new URL("package.json", folder))) ?? above[0]!;
