import { loadavg } from "node:os";
import { peerVersions } from "./install.mjs";
import { median, ratios, spread } from "./statistics.mjs";

const us = "ours";

/** The head of the report: what runs, on what, beside what. */
export function describeRun(options, effort, { cores }) {
  const where =
    cores.app === undefined ? "nothing pinned" : `app on core ${cores.app}, load and Redis on core ${cores.rest}`;
  return [
    `Suite ${options.suite}${options.quick ? " (quick)" : ""}: ${effort.text}`,
    `Node ${process.versions.node} on ${process.platform} ${process.arch}; ${where}; load average ${loadavg()[0].toFixed(2)} before`,
    `Beside ${peerVersions().join(", ")}`,
  ].join("\n");
}

/** One scenario as a table: medians over the rounds, our ratio to each peer with its range, and the suite's own columns. */
export function describeScenario(suite, { scenario, samples }) {
  const columns = [
    { title: "contender", cell: (_, name) => name },
    { title: scenario.unit, cell: (list) => number(median(valuesOf(list))) },
    { title: "range", cell: (list) => range(spread(valuesOf(list)), number) },
    {
      title: "ratio",
      cell: (list, name) => (name === us ? "" : ratioText(scenario, samples, list)),
    },
    ...(scenario.columns ?? suite.columns).map(({ title, cell }) => ({ title, cell: (list) => cell(list) })),
  ];
  const rows = [...samples].map(([name, list]) => columns.map(({ cell }) => cell(list, name)));
  return `\n${scenario.name}: ${scenario.text}; a ratio above 1 means that ours is better\n${table([columns.map(({ title }) => title), ...rows])}`;
}

/** The result for programs. A ratio above 1 always means that we are better. */
export function toJson(suite, results, { redisVersion = null }) {
  const scenarios = results.map(({ scenario, samples }) => {
    const peers = [...samples].filter(([name]) => name !== us);
    const ratioTo = (list) => rounded(median(ratios(scenario, samples.get(us), list)), 3);
    return {
      name: scenario.name,
      unit: scenario.unit,
      ours: short(median(valuesOf(samples.get(us)))),
      peers: Object.fromEntries(peers.map(([name, list]) => [name, short(median(valuesOf(list)))])),
      ratios: Object.fromEntries(peers.map(([name, list]) => [name, ratioTo(list)])),
    };
  });
  return { suite, node: process.versions.node, redis: redisVersion, scenarios };
}

function valuesOf(list) {
  return list.map(({ value }) => value);
}

function ratioText(scenario, samples, list) {
  const found = spread(ratios(scenario, samples.get(us), list));
  const ratio = (value) => value.toFixed(2);
  return `${ratio(found.median)} (${range(found, ratio)})`;
}

function range({ lowest, highest }, format) {
  return `${format(lowest)} to ${format(highest)}`;
}

function number(value) {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function short(value) {
  return rounded(value, value < 10 ? 4 : 1);
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("   ")}`.trimEnd())
    .join("\n");
}
