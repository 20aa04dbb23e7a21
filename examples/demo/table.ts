import type { Row } from "./trials/run.js";

/** What stands over the columns. */
export interface Columns {
  readonly usual: string;
  readonly ours: string;
}

/** The rows as plain text with aligned columns, as wide as they need. */
export function formatTable(rows: readonly Row[], { usual, ours }: Columns): string {
  const lines = [["", usual, ours], ...rows.map((row) => [row.title, row.usual.text, row.ours.text])];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const write = (line: readonly string[]): string =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("   ");
  const [head = [], ...body] = lines;
  return [write(head), rule, ...body.map(write)].join("\n");
}

/** Why our column is not what it must be, one line for each row; empty when it is. */
export function shortcomings(rows: readonly Row[]): readonly string[] {
  return rows.filter((row) => !row.ours.held).map((row) => `${row.title}: ours was ${JSON.stringify(row.ours.text)}`);
}
