import type { RespValue } from "./resp-parser.js";

/** A command on its way to the server. */
export interface ProxiedCommand {
  /** In upper case. */
  readonly name: string;
  /** The name as sent, and the arguments. */
  readonly words: readonly string[];
  /** Number of the connection, from 1 on. */
  readonly connection: number;
}

export type CommandFilter = (command: ProxiedCommand) => boolean;

/** A command that a fault fell upon, with the server's answer to it: the command was executed. */
export interface AffectedCommand {
  readonly command: ProxiedCommand;
  readonly reply: RespValue;
}

/** A command that was held back while its client lost the connection. */
export interface HeldCommand {
  readonly command: ProxiedCommand;
  /** Hands the command to the server after all, over its old connection, and resolves with the answer. */
  deliver(): Promise<RespValue>;
}

/** What a client sends of itself when it connects or keeps a connection; faults leave it alone unless a filter is given. */
export const connectionCommands: ReadonlySet<string> = new Set([
  "AUTH",
  "HELLO",
  "CLIENT",
  "SELECT",
  "INFO",
  "PING",
  "TIME",
  "COMMAND",
  "READONLY",
  "QUIT",
  "ROLE",
  "CLUSTER",
  "SENTINEL",
  "ASKING",
  "SUBSCRIBE",
  "PSUBSCRIBE",
  "UNSUBSCRIBE",
  "PUNSUBSCRIBE",
]);

/** Matches what a program asks for, as opposed to `connectionCommands`. */
export function isOrdinary(command: ProxiedCommand): boolean {
  return !connectionCommands.has(command.name);
}

interface Pending {
  readonly kind: "drop-reply" | "twice" | "late";
  readonly matches: CommandFilter;
  readonly affected: (AffectedCommand | HeldCommand)[];
  remaining: number;
}

/** A fault of a command that is executed at once. */
export interface ReplyFault {
  readonly kind: "drop-reply" | "twice";
  readonly record: (affected: AffectedCommand) => void;
  /** Arms it again, because the command's own answer was lost otherwise. */
  readonly giveBack: () => void;
}

/** A fault of a command that is held back. */
export interface LateFault {
  readonly kind: "late";
  readonly record: (held: HeldCommand) => void;
}

/** A fault that fell upon a command. */
export type Fault = ReplyFault | LateFault;

/** The faults that wait for their commands; each command takes the first that fits. */
export class FaultList {
  readonly #pending: Pending[] = [];

  /** Arms a fault for the next so many commands that match; what it fell upon appears in the returned list. */
  add(kind: "drop-reply" | "twice", count: number, matches: CommandFilter): readonly AffectedCommand[];
  add(kind: "late", count: number, matches: CommandFilter): readonly HeldCommand[];
  add(kind: Pending["kind"], count: number, matches: CommandFilter): readonly unknown[] {
    const affected: Pending["affected"] = [];
    this.#pending.push({ kind, matches, affected, remaining: count });
    return affected;
  }

  /** Takes the fault for a command, if one waits for it. */
  take(command: ProxiedCommand): Fault | undefined {
    const found = this.#pending.find((fault) => fault.remaining > 0 && fault.matches(command));
    if (found === undefined) return undefined;
    found.remaining -= 1;
    const { kind, affected } = found;
    return {
      kind,
      record: (entry: AffectedCommand | HeldCommand) => affected.push(entry),
      giveBack: () => {
        found.remaining += 1;
      },
    } as Fault;
  }

  /** Disarms all. */
  clear(): void {
    this.#pending.length = 0;
  }
}
