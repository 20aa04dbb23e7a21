import { setTimeout as pause } from "node:timers/promises";

const namesOfEach = 16;
const heldFor = 1;

/** What a process of a contender can be asked to do; each resolves to plain data. */
export const loads = { verify, pairs, contend };

/** A contender that does not lock must not win. */
async function verify({ acquire }) {
  const release = await acquire("verify");
  let isHeld = true;
  const second = acquire("verify").then((releaseSecond) => {
    if (isHeld) throw new Error("a lock was granted twice");
    return releaseSecond();
  });
  await Promise.race([second, pause(50)]);
  isHeld = false;
  await release();
  await second;
}

/**
 * Takes and releases locks that nobody else wants, `inFlight` at a time. Gives the milliseconds of each pair of the measured
 * time, and how many pairs there were before, in and after it.
 */
async function pairs({ acquire }, { inFlight, settle, seconds }) {
  let isMeasuring = false;
  let isOver = false;
  const times = [];
  let total = 0;
  const loop = async (slot) => {
    for (let turn = 0; !isOver; turn += 1) {
      const began = now();
      const release = await acquire(`${slot}.${turn % namesOfEach}`);
      await release();
      total += 1;
      if (isMeasuring) times.push(now() - began);
    }
  };
  const loops = Promise.all(Array.from({ length: inFlight }, (_, slot) => loop(slot)));
  await Promise.race([loops, pause(settle * 1000)]);
  const began = now();
  const cpuBefore = process.cpuUsage();
  isMeasuring = true;
  await Promise.race([loops, pause(seconds * 1000)]);
  isMeasuring = false;
  const { user, system } = process.cpuUsage(cpuBefore);
  const wall = now() - began;
  isOver = true;
  await loops;
  return { times, total, wall, clientTime: user + system };
}

/**
 * `contenders` of this process want one lock all the time, and each holds it for a millisecond. Gives the holds, `[from, to]`
 * in milliseconds of the machine's monotonic clock, and how long each was waited for; who gave up tries again and goes on
 * waiting. What was still waited for at the end counts with its time until then.
 */
async function contend({ acquire, gaveUp }, { contenders, settle, seconds }) {
  const began = now() + settle * 1000;
  const end = began + seconds * 1000;
  const [holds, waits] = [[], []];
  let surrenders = 0;
  const patiently = async () => {
    for (;;) {
      try {
        return await acquire("contended");
      } catch (error) {
        if (!gaveUp(error)) throw error;
        surrenders += 1;
      }
    }
  };
  const loop = async () => {
    for (let from = now(); from < end; from = now()) {
      const release = await patiently();
      const granted = now();
      await pause(heldFor);
      const released = now();
      holds.push([granted, released]);
      await release();
      if (granted > began) waits.push(Math.min(granted, end) - from);
    }
  };
  await Promise.all(Array.from({ length: contenders }, loop));
  return { holds: holds.filter(([from]) => from > began && from < end), waits, surrenders };
}

/** The clock that all processes of a machine share. */
function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
