import { once } from "node:events";
import { explain } from "./explain.js";
import { serve, type DemoEvent, type InstanceSettings } from "./serve.js";

/** What an instance in a process of its own says to the demo. */
export type ChildMessage = { readonly ready: true } | { readonly failed: string } | { readonly event: DemoEvent };

/** One instance in a process of its own: it gets its settings from the demo, tells what happens, and ends on SIGTERM. */
async function main(): Promise<void> {
  // Ctrl-C in a terminal reaches every process; the demo ends its instances in order.
  process.on("SIGINT", () => undefined);
  const orphaned = (): void => process.exit();
  process.once("disconnect", orphaned);
  const finish = (): void => {
    // From here on the process has to end by itself.
    process.off("disconnect", orphaned);
    if (process.connected) process.disconnect();
  };
  const tell = (message: ChildMessage): void => void (process.connected && process.send?.(message));
  const [settings] = (await once(process, "message")) as [InstanceSettings];
  try {
    const serving = await serve(settings, (event) => tell({ event }));
    process.once("SIGTERM", () => void serving.stop().then(finish));
    tell({ ready: true });
  } catch (error) {
    tell({ failed: explain(error) });
    finish();
  }
}

void main();
