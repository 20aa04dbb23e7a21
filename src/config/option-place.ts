import type { Origin } from "./backend-config.js";
import type { Lines } from "./lines.js";

/** Where our own options stand, in code or in a file, and what messages call them. */
export interface OptionPlace {
  /** The whole, for a name that does not belong in it. */
  readonly title: string;
  /** The origin of an option by its path, `timeouts.connect`. */
  readonly origin: (path: string) => Origin;
}

/** The options of `createFleet`. */
export const inCode: OptionPlace = {
  title: "createFleet's options",
  origin: (path) => ({ origin: "code", name: path }),
};

/** A file as messages name it, and the lines of what stands in it, as far as they are known. */
export interface NamedFile {
  readonly name: string;
  readonly lines: Lines;
}

/** The origin of what stands in a file: `fleet.json:3 timeouts.connect`. `shown` is for a path that must not be printed. */
export function originIn({ name, lines }: NamedFile, path: string, shown: string = path): Origin {
  let line = lines.get(path);
  // An entry of a list that is one text stands where the list does.
  for (let whole = path; line === undefined && whole !== ""; line = lines.get(whole))
    whole = whole.replace(/\[\d+\]$|\.[^.[\]]*$|^[^.]*$/, "");
  return { origin: "file", name: `${name}${line === undefined ? "" : `:${line}`} ${shown}` };
}

/** Our own names in a file. */
export function inFile(file: NamedFile): OptionPlace {
  return { title: file.name, origin: (path) => originIn(file, path) };
}

/** Where one backend stands among the options: `backend`, or that of a room. */
export class BackendPlace {
  readonly #place: OptionPlace;
  readonly #path: string;

  constructor(place: OptionPlace, path: string) {
    this.#place = place;
    this.#path = path;
  }

  /** Whether it is that of one room. */
  get isRoom(): boolean {
    return this.#path !== "backend";
  }

  /** The origin of the backend, or of what stands below it: `tls`, `nodes[0]`. */
  origin(below = ""): Origin {
    const between = below === "" || below.startsWith("[") ? "" : ".";
    return this.#place.origin(`${this.#path}${between}${below}`);
  }

  /** What messages call the backend, or what stands below it. */
  name(below = ""): string {
    return this.origin(below).name;
  }

  /** The backend as the line of an option, for the help of a message. */
  example(value: string): string {
    return `${this.#path.split(".").at(-1) ?? this.#path}: ${value}`;
  }
}
