import type { Instance } from "./instances.js";

/** What came of a button: it did this, or this is why it cannot be done now. */
export type ActionResult = { readonly done: string } | { readonly refused: string };

export type InstanceAction = "start" | "stop" | "kill";

/** What can be done with an instance now. */
export function possibleActions(instance: Instance): readonly InstanceAction[] {
  const kill: readonly InstanceAction[] = instance.killable ? ["kill"] : [];
  switch (instance.phase) {
    case "running":
      return ["stop", ...kill];
    case "stopping":
      return kill;
    case "stopped":
      return ["start"];
    case "starting":
      return [];
  }
}

/** Does it, and resolves when it is done. Rejects with the diagnosis when an instance cannot be started. */
export async function actOnInstance(instance: Instance, action: InstanceAction): Promise<ActionResult> {
  if (!possibleActions(instance).includes(action)) return { refused: refusal(instance, action) };
  const { name } = instance;
  const began = performance.now();
  await instance[action]();
  const took = `${((performance.now() - began) / 1_000).toFixed(1)} s`;
  switch (action) {
    case "start":
      return { done: `${name} runs again, after ${took}.` };
    case "stop":
      return { done: `${name} was told to end, as in a deploy, and is gone after ${took}.` };
    case "kill":
      return { done: `${name} was killed (SIGKILL): whatever it was answering broke off.` };
  }
}

function refusal({ name, phase, killable }: Instance, action: InstanceAction): string {
  if (action === "kill" && phase === "running" && !killable)
    return `${name} shares the demo's own process and cannot be killed alone; npm run demo -- single gives it one of its own.`;
  const already = {
    stopped: "does not run",
    starting: "is being started",
    running: "runs",
    stopping: "is being stopped",
  };
  return `${name} ${already[phase]}.`;
}
