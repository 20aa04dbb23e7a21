import { randomBytes } from "node:crypto";
import { openBackend } from "../../src/backend/open-backend.js";
import type { AnyBackend, Gap } from "../../src/backend/backend.js";
import { systemClock } from "../../src/core/clock.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import { startSingle } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";

const listeners = 3;
const publishEvery = 5;
const before = 500;

interface Ear {
  readonly backend: AnyBackend;
  readonly heard: Set<number>;
  readonly gaps: Gap[];
}

function open(address: ServerAddress, namespace: string, instance: string): AnyBackend {
  const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };
  return openBackend({
    config: { kind: "single", nodes: [address], database: 0, maxPending: 10_000, timeouts },
    namespace,
    instance,
    instanceId: instance,
    clock: systemClock,
    onListenerError: (error) => console.error(error),
  });
}

function listen(address: ServerAddress, namespace: string, name: string): Ear {
  const backend = open(address, namespace, name);
  const ear: Ear = { backend, heard: new Set(), gaps: [] };
  backend.on("gap", (gap) => ear.gaps.push(gap));
  backend.subscribe(backend.keys.hintChannel("count"), {
    message: (text) => ear.heard.add(Number(text)),
    gap: () => undefined,
  });
  return ear;
}

/** Half-open subscribers, and subscribers that the server ends, while commands go on: nothing is missed that no gap covers. */
export const subscriberBroken: Drill = {
  name: "subscriber-broken",
  about: "the subscribers' links alone go half-open, or are killed, while messages go on",
  proves: "the subscriber's echo, and the gap that it announces after it subscribed anew",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSingle();
    const proxy = await TcpProxy.start({ target: topology.server });
    const namespace = `drill-${randomBytes(4).toString("hex")}`;
    const speaker = open(topology.server, namespace, "speaker");
    const ears = Array.from({ length: listeners }, (_, index) => listen(proxy, namespace, `ear-${index}`));
    const sentAt: number[] = [];
    let speaking = true;
    const speak = async (): Promise<void> => {
      while (speaking) {
        const number = sentAt.push(Date.now()) - 1;
        await speaker.publish(speaker.keys.hintChannel("count"), String(number));
        await whileLoadRuns(publishEvery);
      }
    };
    try {
      await speaker.ready();
      // A speaker that is closed because the drill failed must not hide why.
      const speech = speak().catch(() => undefined);
      await until(() => ears.every(({ heard }) => heard.size > 0), { what: "everybody to hear" });
      const begun = ears.map(({ heard }) => Math.min(...heard));
      let longest = 0;
      for (let turn = 0; turn < faults; turn += 1) {
        await whileLoadRuns(before);
        const gaps = ears.map((ear) => ear.gaps.length);
        const at = Date.now();
        if (turn % 2 === 0) proxy.stallSubscribers();
        else await topology.server.command("CLIENT", "KILL", "TYPE", "pubsub");
        await until(() => ears.every((ear, index) => ear.gaps.length > (gaps[index] ?? 0)), {
          what: "every gap",
          deadline: 30_000,
        });
        longest = Math.max(longest, Date.now() - at);
      }
      await whileLoadRuns(before);
      speaking = false;
      await speech;
      await until(() => ears.every(({ heard }) => heard.has(sentAt.length - 1)), { what: "the last message" });
      const findings = new Findings();
      let missed = 0;
      let unannounced = 0;
      for (const [index, ear] of ears.entries()) {
        for (let number = begun[index] ?? 0; number < sentAt.length; number += 1) {
          if (ear.heard.has(number)) continue;
          missed += 1;
          const at = sentAt[number] ?? 0;
          if (!ear.gaps.some(({ from, to }) => from <= at && at <= to)) unannounced += 1;
        }
      }
      findings.expect(unannounced === 0, `${unannounced} messages were missed outside of every announced gap`);
      findings.expect(missed > 0, "nothing was missed: the drill proves nothing");
      const figures = { messages: sentAt.length * listeners, missed, unannounced, "longest until the gap ms": longest };
      return { name: subscriberBroken.name, faults, figures, failures: findings.failures };
    } finally {
      speaking = false;
      await Promise.all([speaker, ...ears.map(({ backend }) => backend)].map((backend) => backend.close()));
      await proxy.stop();
      await topology.stop();
    }
  },
};
