import { quantile } from "../../harness/statistics.mjs";

const contendersOfEach = 4;
const inFlight = { pairs: 64, alone: 1 };

/** One contender's processes, and the server that they have for themselves. */
export class LockSubject {
  #workers;
  #redis;
  #effort;
  #sent;

  constructor({ workers, redis, effort }) {
    this.#workers = workers;
    this.#redis = redis;
    this.#effort = effort;
  }

  /** Checks that it locks, counts what a pair sends, and warms up. */
  async prepare({ name }) {
    const [worker] = this.#workers;
    await worker.run("verify");
    if (name === "contended") {
      await this.#contend({ settle: 0, seconds: this.#effort.warmUp });
      return;
    }
    const load = { inFlight: inFlight[name], settle: 0, seconds: this.#effort.warmUp };
    let counted;
    const sent = await this.#redis.countSent(async () => {
      counted = await worker.run("pairs", { ...load, inFlight: 1, seconds: 0.1 });
    });
    this.#sent = sent / counted.total;
    await worker.run("pairs", load);
  }

  measure({ name }) {
    return name === "contended" ? this.#contend(this.#effort) : this.#pairs(inFlight[name]);
  }

  async #pairs(count) {
    const { settle, seconds } = this.#effort;
    const [worker] = this.#workers;
    const serverBefore = await this.#redis.cpuTime();
    const { times, total, wall, clientTime } = await worker.run("pairs", { inFlight: count, settle, seconds });
    // Of the whole load, so that time and pairs match exactly.
    const serverTime = ((await this.#redis.cpuTime()) - serverBefore) / total;
    const latency = quantile(times, 0.5) * 1000;
    const perSecond = times.length / (wall / 1000);
    return {
      value: count === 1 ? latency : perSecond,
      slow: quantile(times, 0.99) * 1000,
      clientTime: clientTime / times.length,
      serverTime,
      clientShare: clientTime / 1000 / wall,
      sent: this.#sent,
    };
  }

  async #contend({ settle, seconds }) {
    const task = { contenders: contendersOfEach, settle, seconds };
    const results = await Promise.all(this.#workers.map((worker) => worker.run("contend", task)));
    const holds = results.flatMap((result) => result.holds).sort(([one], [other]) => one - other);
    const waits = results.flatMap((result) => result.waits);
    const hold = holds.reduce((sum, [from, to]) => sum + to - from, 0) / holds.length;
    const ideal = hold * contendersOfEach * this.#workers.length;
    return {
      value: quantile(waits, 0.99) / ideal,
      middle: quantile(waits, 0.5) / ideal,
      longest: Math.max(...waits) / ideal,
      handoffs: holds.length / seconds,
      hold,
      ideal,
      overlaps: holds.filter(([from], index) => index > 0 && from < holds[index - 1][1]).length,
      surrenders: results.reduce((sum, result) => sum + result.surrenders, 0),
    };
  }
}
