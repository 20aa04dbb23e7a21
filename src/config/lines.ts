/** The lines, from 1, on which the values of a file stand, by their dotted paths; entries of a list are `path[0]`. */
export type Lines = ReadonlyMap<string, number>;

/** Counts lines: gives that of an offset, from 1. */
export function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The path of what stands under a name, or at a place of a list, below another path. */
export function below(path: string, name: string | number): string {
  if (typeof name === "number") return `${path}[${name}]`;
  return path === "" ? name : `${path}.${name}`;
}

interface Frame {
  readonly path: string;
  /** The place in a list; `undefined` in an object. */
  index: number | undefined;
  key: string | undefined;
}

/** Finds the line of every value in a text that is JSON; of a name that is given twice the last, which is the one that counts. */
export function jsonLines(text: string): Lines {
  const lineAt = lineCounter(text);
  const lines = new Map<string, number>();
  const frames: Frame[] = [];
  for (const { 0: token, index: offset } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const frame = frames.at(-1);
    if (token === "}" || token === "]") frames.pop();
    else if (token === ",") {
      if (frame?.index !== undefined) frame.index++;
      else if (frame !== undefined) frame.key = undefined;
    } else if (token === ":") continue;
    else if (frame !== undefined && frame.index === undefined && frame.key === undefined) {
      frame.key = JSON.parse(token) as string;
      lines.set(below(frame.path, frame.key), lineAt(offset));
    } else {
      const path = frame === undefined ? "" : below(frame.path, frame.index ?? frame.key ?? "");
      if (frame?.index !== undefined) lines.set(path, lineAt(offset));
      if (token === "{" || token === "[") frames.push({ path, index: token === "[" ? 0 : undefined, key: undefined });
    }
  }
  return lines;
}
