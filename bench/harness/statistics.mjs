/** The middle of a list of numbers. */
export function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 0 ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
}

/** What so large a share of the numbers does not exceed. */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** Median, lowest and highest of a list of numbers. */
export function spread(numbers) {
  return { median: median(numbers), lowest: Math.min(...numbers), highest: Math.max(...numbers) };
}

/** Our ratio to a peer in each round, above 1 where we are better, whichever way the unit counts. */
export function ratios(scenario, ours, peers) {
  return ours.map(({ value }, round) => {
    const peer = peers[round].value;
    return scenario.better === "more" ? value / peer : peer / value;
  });
}
