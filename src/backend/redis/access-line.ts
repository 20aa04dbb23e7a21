import type { KeySpace } from "../keys.js";

/** What an access list must allow the fleet's user, as a sentence for the help of an error. */
export function accessLine(keys: KeySpace, kind: "single" | "sentinel" | "cluster"): string {
  return `the user needs: ${keys.aclPatterns.join(" ")} ${commands(kind)}`;
}

function commands(kind: "single" | "sentinel" | "cluster"): string {
  const always =
    "+get +set +exists +strlen +pttl +pexpire +persist +hget +hset +hdel +hgetall +hsetnx +zadd +zrem +zscore +zrangebylex +zrangebyscore +xadd +xrange +xrevrange +xlen +eval +evalsha +publish +subscribe +unsubscribe +ping +info +time +client|setname";
  return kind === "cluster" ? `${always} +cluster|slots +asking` : always;
}
