/** Milliseconds for people. */
export function seconds(milliseconds) {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

export function number(value) {
  return value.toLocaleString("en");
}
