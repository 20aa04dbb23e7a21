/** Whether two values mean the same: functions only when they are one, and what is no tree, as YAML's aliases can make it, too. */
export function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left === "function" || typeof right === "function") return false;
  try {
    return JSON.stringify(left) === JSON.stringify(right);
  } catch {
    return false;
  }
}
