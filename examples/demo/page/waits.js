/** Half-second bars of a minute. */
export const barCount = 120;
const barLength = 500;

/** How long the requests to one app waited and which failed. Times are milliseconds of one clock that only goes forward. */
export class Waits {
  #underWay = new Set();
  #bars = new Map();
  #inAll = { failed: 0, longest: 0 };
  #since = { failed: 0, longest: 0, from: -Infinity };

  /** A request was sent; what it returns is for `end`. */
  begin(now) {
    const request = { from: now };
    this.#underWay.add(request);
    return request;
  }

  /** It was answered, or failed. */
  end(request, now, failed) {
    this.#underWay.delete(request);
    this.#note(request.from, now, failed);
  }

  /** From now on `since` counts. */
  mark(now) {
    this.#since = { failed: 0, longest: 0, from: now };
  }

  /** Forgets all but what is under way. */
  reset() {
    this.#inAll = { failed: 0, longest: 0 };
  }

  /** Since `reset`: how many failed, and the longest wait, also of what is still waiting. */
  inAll(now) {
    return { failed: this.#inAll.failed, longest: Math.max(this.#inAll.longest, this.waiting(now)) };
  }

  /** The same since `mark`, of what ended or waits since then. */
  since(now) {
    return { failed: this.#since.failed, longest: Math.max(this.#since.longest, this.waiting(now)) };
  }

  /** How long the longest of those that are under way has waited. */
  waiting(now) {
    return Math.max(0, ...[...this.#underWay].map(({ from }) => now - from));
  }

  /** The last minute, oldest first: the longest wait of each half second, and whether something failed in it. */
  bars(now) {
    const last = Math.floor(now / barLength);
    for (const index of this.#bars.keys()) if (index <= last - barCount) this.#bars.delete(index);
    return Array.from({ length: barCount }, (_, position) => {
      const index = last - barCount + 1 + position;
      const bar = this.#bars.get(index) ?? { wait: 0, failed: false };
      // Who waits is seen waiting, in every half second of it.
      const end = Math.min(now, (index + 1) * barLength);
      const waiting = Math.max(0, ...[...this.#underWay].map(({ from }) => end - from));
      return { wait: Math.max(bar.wait, waiting), failed: bar.failed };
    });
  }

  #note(from, now, failed) {
    for (const counted of [this.#inAll, this.#since]) {
      counted.longest = Math.max(counted.longest, now - from);
      if (failed) counted.failed += 1;
    }
    const last = Math.floor(now / barLength);
    for (let index = Math.floor(from / barLength); index <= last; index += 1) {
      const bar = this.#bars.get(index) ?? { wait: 0, failed: false };
      bar.wait = Math.max(bar.wait, Math.min(now, (index + 1) * barLength) - from);
      bar.failed ||= failed && index === last;
      this.#bars.set(index, bar);
    }
  }
}
