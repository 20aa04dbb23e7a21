import type { Delivery, Mailbox } from "./mailbox.js";
import type { Instance, Roster } from "./roster.js";

/** What one living instance answered; `nobody` and `silent` as of a letter. */
export type GatheredAnswer = Delivery & { readonly instance: Instance };

/**
 * Asks every living instance, this one too, and waits until each has answered or `limit` milliseconds have passed.
 *
 * An instance that ends while it is asked is `nobody` or `silent`; one that starts meanwhile is not asked. Rejects when the
 * roster cannot be read, or the backend takes no messages.
 */
export async function gather(
  { roster, mailbox }: { readonly roster: Roster; readonly mailbox: Mailbox },
  room: string,
  kind: string,
  payload: string,
  limit: number,
): Promise<readonly GatheredAnswer[]> {
  const instances = await roster.instances();
  return Promise.all(
    instances.map(async (instance) => {
      const delivery = await mailbox.ask(instance.id, room, kind, payload, limit);
      return { ...delivery, instance };
    }),
  );
}
