import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { median } from "../harness/statistics.mjs";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** What each contender's app loads for its sessions; packages of peers are those of bench/package.json. */
const packages = {
  ours: ["express-fleet"],
  bare: [],
  "express-session": ["express-session"],
  "connect-redis-9": ["express-session", "connect-redis-9"],
  "connect-redis-9-redis": ["express-session", "connect-redis-9", "redis"],
};

const scripts = {
  import: { option: "--input-type=module", line: (name) => `await import(${JSON.stringify(name)});` },
  require: { option: "--input-type=commonjs", line: (name) => `require(${JSON.stringify(name)});` },
};

/** Milliseconds to load the front door: the life of a process that does nothing else, and the time within it. */
export const suite = {
  contenders: Object.keys(packages),
  scenarios: [
    { name: "import", unit: "ms", better: "less", text: "a process that imports the packages and ends" },
    { name: "require", unit: "ms", better: "less", text: "a process that requires the packages and ends" },
  ],
  efforts: {
    full: { rounds: 21, text: "21 processes of each kind" },
    quick: { rounds: 3, text: "3 processes of each kind" },
  },
  columns: [{ title: "ms in loading", cell: (list) => median(list.map(({ loading }) => loading)).toFixed(1) }],

  async open(name) {
    const measure = ({ name: scenario }) => timeProcess(scripts[scenario], packages[name]);
    // The first process reads the files from the disk for all later ones.
    return { prepare: measure, measure };
  },
};

async function timeProcess({ option, line }, names) {
  const lines = [
    "const began = performance.now();",
    ...names.map(line),
    "process.stdout.write(String(performance.now() - began));",
  ];
  const began = performance.now();
  const child = spawn(process.execPath, [option, "-e", lines.join("\n")], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "", NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const exited = once(child, "exit").then(() => performance.now());
  await once(child, "close");
  if (child.exitCode !== 0) throw new Error(`the process ended with ${child.exitCode ?? child.signalCode}:\n${errors}`);
  return { value: (await exited) - began, loading: Number(output) };
}
