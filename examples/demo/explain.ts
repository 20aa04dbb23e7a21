/** An error in words for the terminal, with what to do about it where the error says so; no stack. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { help, problems } = error as {
    help?: unknown;
    problems?: readonly { readonly message: string; readonly help?: string }[];
  };
  if (problems !== undefined) return problems.map((problem) => sentence(problem.message, problem.help)).join("\n");
  return sentence(error.message, help);
}

function sentence(message: string, help: unknown): string {
  return typeof help === "string" && !message.includes(help) ? `${message}\n  ${help}` : message;
}
