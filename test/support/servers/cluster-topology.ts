import { sendCommand, sendCommands } from "../resp-client.js";
import { until } from "../until.js";
import { parseClusterNodes, slotMap, type ClusterNode } from "./cluster-nodes.js";
import { parseInfo, type RedisProcess } from "./redis-process.js";
import { RunningTopology, untilReady, type ServerAddress } from "./running-topology.js";

/** A Redis Cluster. Addresses and roles are asked of its nodes at each call. */
export class ClusterTopology extends RunningTopology {
  /** The process of a node, whatever host it announces. Throws when it is not one that this process started. */
  override processAt(address: ServerAddress): RedisProcess {
    return super.processAt(this.processes.find((node) => isSameNode(node, address)) ?? address);
  }

  /** The cluster as one node sees it; by default the first that answers. */
  async nodes(from?: ServerAddress): Promise<readonly ClusterNode[]> {
    let failure: unknown = new Error("no node of the cluster runs");
    for (const server of from === undefined ? this.dataServers : [from]) {
      try {
        const options = { ...this.clientOptions(server), timeout: 500 };
        return parseClusterNodes(String(await sendCommand(options, "CLUSTER", "NODES")));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The primaries that serve slots and are not held for failed, in the order of their slots. */
  async primaries(): Promise<readonly ClusterNode[]> {
    const nodes = await this.nodes();
    const serving = nodes.filter((node) => node.role === "primary" && node.slots.length > 0 && !node.failed);
    return serving.sort((one, other) => (one.slots[0]?.[0] ?? 0) - (other.slots[0]?.[0] ?? 0));
  }

  /** The slot of a key, as the servers count it. */
  async slotOf(key: string): Promise<number> {
    const [server] = this.dataServers;
    if (server === undefined) throw new Error("no node of the cluster runs");
    return Number(await this.command(server, "CLUSTER", "KEYSLOT", key));
  }

  /** The primary that serves a slot. Rejects when nobody serves it. */
  async primaryOf(slot: number): Promise<ClusterNode> {
    const found = (await this.primaries()).find(({ slots }) => slots.some(([from, to]) => from <= slot && slot <= to));
    if (found === undefined) throw new Error(`nobody serves slot ${slot}`);
    return found;
  }

  /** A replica of the primary of a slot, or of the given primary. Rejects when it has none. */
  async replicaOf(primary: number | ServerAddress): Promise<ClusterNode> {
    const address = typeof primary === "number" ? await this.primaryOf(primary) : primary;
    const nodes = await this.nodes();
    const id = nodes.find((node) => isSameNode(node, address))?.id;
    const replica = nodes.find((node) => node.primaryId === id && id !== undefined && !node.failed);
    if (replica === undefined) throw new Error(`${address.host}:${address.port} has no replica`);
    return replica;
  }

  /** Opens a slot: MIGRATING at its primary, IMPORTING at the target; keys stay where they are. */
  async setSlotMigrating(slot: number, to: ServerAddress): Promise<void> {
    const source = await this.primaryOf(slot);
    const target = await this.#nodeAt(to);
    await this.command(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
    await this.command(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
  }

  /** Leaves every slot of the cluster open towards the next primary. */
  async openAllSlots(): Promise<void> {
    const primaries = await this.primaries();
    for (const [index, source] of primaries.entries()) {
      const target = primaries[(index + 1) % primaries.length] ?? source;
      const slots = eachSlot(source);
      const words = (state: string, id: string): (string | number)[][] =>
        slots.map((slot) => ["CLUSTER", "SETSLOT", slot, state, id]);
      await sendCommands(this.clientOptions(target), words("IMPORTING", source.id));
      await sendCommands(this.clientOptions(source), words("MIGRATING", target.id));
    }
  }

  /** Closes every open slot; keys that were created at an importing node come back to the slot's primary. */
  async closeAllSlots(): Promise<void> {
    const primaries = await this.primaries();
    // Primaries first: a node refuses foreign keys of a slot that it calls migrating.
    for (const primary of primaries) {
      const own = eachSlot(primary).map((slot) => ["CLUSTER", "SETSLOT", slot, "STABLE"]);
      await sendCommands(this.clientOptions(primary), own);
    }
    for (const primary of primaries) {
      const others = primaries.filter((other) => other !== primary);
      for (const owner of others) await this.#returnSlots(primary, owner, eachSlot(owner));
    }
  }

  /** Closes one open slot without moving it; keys that were created at an importing node come back. */
  async stabilize(slot: number): Promise<void> {
    const owner = await this.primaryOf(slot);
    await this.command(owner, "CLUSTER", "SETSLOT", slot, "STABLE");
    for (const primary of await this.primaries()) {
      if (primary.id !== owner.id) await this.#returnSlots(primary, owner, [slot]);
    }
  }

  /** Moves a slot with its keys as an operator would, and resolves when every node has learned it. */
  async moveSlot(slot: number, to: ServerAddress): Promise<void> {
    const source = await this.primaryOf(slot);
    const target = await this.#nodeAt(to);
    if (source.id === target.id) return;
    await this.setSlotMigrating(slot, to);
    await this.#moveAllKeys(source, target, slot);
    // The target first, so that at no moment nobody serves the slot.
    const bystanders = (await this.primaries()).filter(({ id }) => id !== source.id && id !== target.id);
    for (const node of [target, source, ...bystanders]) {
      await this.command(node, "CLUSTER", "SETSLOT", slot, "NODE", target.id).catch((error: Error) => {
        // A primary that gave its last slot away follows the new owner at once, perhaps before it is told by us.
        if (node !== source || !error.message.includes("only with masters")) throw error;
      });
    }
    await this.settled();
  }

  /** Moves some keys of a slot to another primary; the slot must be open towards that. */
  async moveKeys(slot: number, to: ServerAddress, count: number): Promise<void> {
    const source = await this.primaryOf(slot);
    await this.#migrate(source, to, await this.#keysIn(source, slot, count));
  }

  /** Takes a slot from its primary, the keys stay there; resolves when no node says that it is served. Cover it again by ADDSLOTS. */
  async uncover(slot: number): Promise<void> {
    const owner = await this.primaryOf(slot);
    // The owner first: what the others forget they would hear from it again.
    const others = this.dataServers.filter((server) => !isSameNode(server, owner));
    const forget = async (): Promise<boolean> => {
      let served = false;
      for (const server of [owner, ...others]) {
        if (!covers(await this.nodes(server), slot)) continue;
        served = true;
        await this.command(server, "CLUSTER", "DELSLOTS", slot);
      }
      return !served;
    };
    await until(forget, { what: `slot ${slot} to be served by nobody` });
  }

  /** Promotes a replica of the given primary (a planned failover), and resolves with it when every node has learned it. */
  async failover(primary: ServerAddress, how?: "FORCE" | "TAKEOVER"): Promise<ClusterNode> {
    const replica = await this.replicaOf(primary);
    await this.command(replica, "CLUSTER", "FAILOVER", ...(how === undefined ? [] : [how]));
    await until(async () => (await this.#nodeAt(replica)).role === "primary", {
      what: `${replica.port} to take over from ${primary.port}`,
    });
    await this.settled();
    return this.#nodeAt(replica);
  }

  /** Resolves when all slots are served and every running node says so, has the same view, and every replica is in sync; a frozen node counts as running. */
  async settled(deadline: number = 30_000): Promise<void> {
    await untilReady(() => this.#unsettled(), "the cluster to settle", deadline);
  }

  async #unsettled(): Promise<string | undefined> {
    const running = this.dataServers;
    const views = await Promise.all(running.map((server) => this.nodes(server)));
    const [first] = views.map(slotMap);
    for (const [index, view] of views.entries()) {
      const { port } = running[index] ?? { port: 0 };
      const wrong = view.filter((node) => node.failed === running.some((server) => isSameNode(server, node)));
      if (wrong.length > 0) return `${port} errs about ${wrong.map((node) => node.port).join()} being up or down`;
      if (view.some((node) => node.failed && node.slots.length > 0)) return `${port} sees slots of a failed node`;
      if (slotMap(view) !== first) return `${port} has another view than ${running[0]?.port}`;
      const missing = running.filter((server) => !view.some((node) => isSameNode(server, node)));
      if (missing.length > 0) return `${port} does not know ${missing.map((node) => node.port).join()}`;
    }
    for (const server of running) {
      const reason = await this.#unready(server);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  async #unready(server: ServerAddress): Promise<string | undefined> {
    const [cluster, replication] = await sendCommands(this.clientOptions(server), [
      ["CLUSTER", "INFO"],
      ["INFO", "replication"],
    ]);
    const state = parseInfo(cluster ?? "");
    if (state.get("cluster_state") !== "ok")
      return `the cluster_state of ${server.port} is ${state.get("cluster_state")}`;
    if (state.get("cluster_slots_assigned") !== "16384") return `${server.port} misses slots`;
    const link = parseInfo(replication ?? "").get("master_link_status") ?? "up";
    return link === "up" ? undefined : `the link of replica ${server.port} is ${link}`;
  }

  async #nodeAt(address: ServerAddress): Promise<ClusterNode> {
    const found = (await this.nodes()).find((node) => isSameNode(node, address));
    if (found === undefined) throw new Error(`${address.host}:${address.port} is no node of this cluster`);
    return found;
  }

  async #returnSlots(from: ServerAddress, owner: ServerAddress, slots: readonly number[]): Promise<void> {
    const counts = await sendCommands(
      this.clientOptions(from),
      slots.map((slot) => ["CLUSTER", "COUNTKEYSINSLOT", slot]),
    );
    for (const [index, slot] of slots.entries()) {
      if (counts[index] !== 0) await this.#moveAllKeys(from, owner, slot);
    }
    await sendCommands(
      this.clientOptions(from),
      slots.map((slot) => ["CLUSTER", "SETSLOT", slot, "STABLE"]),
    );
  }

  async #moveAllKeys(from: ServerAddress, to: ServerAddress, slot: number): Promise<void> {
    for (;;) {
      const keys = await this.#keysIn(from, slot, 100);
      if (keys.length === 0) return;
      await this.#migrate(from, to, keys);
    }
  }

  async #keysIn(server: ServerAddress, slot: number, count: number): Promise<readonly string[]> {
    const keys = await this.command(server, "CLUSTER", "GETKEYSINSLOT", slot, count);
    return Array.isArray(keys) ? keys.map(String) : [];
  }

  async #migrate(from: ServerAddress, to: ServerAddress, keys: readonly string[]): Promise<void> {
    const password = this.config.password === undefined ? [] : ["AUTH", this.config.password];
    await this.command(from, "MIGRATE", to.host, to.port, "", 0, 2_000, ...password, "KEYS", ...keys);
  }
}

// By the port alone: a node may announce another host than the one by which it was started, and no port is handed out twice.
function isSameNode(one: ServerAddress, other: ServerAddress): boolean {
  return one.port === other.port;
}

function covers(nodes: readonly ClusterNode[], slot: number): boolean {
  return nodes.some(({ slots }) => slots.some(([from, to]) => from <= slot && slot <= to));
}

function eachSlot(node: ClusterNode): number[] {
  return node.slots.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
}
