/**
 * Runs every scenario of a suite. The contenders take turns within each round, and the order changes from round to
 * round, so that what drifts on the machine meets all of them alike.
 */
export async function runContest({ suite, lab, effort, onProgress }) {
  const subjects = new Map();
  for (const name of suite.contenders) {
    onProgress(`starting ${name}`);
    subjects.set(name, await named(name, () => suite.open(name, lab, effort)));
  }
  const results = [];
  for (const scenario of suite.scenarios) {
    const samples =
      scenario.from === undefined
        ? await runScenario({ scenario, subjects, effort, onProgress })
        : reread(results.find((result) => result.scenario.name === scenario.from).samples, scenario.value);
    results.push({ scenario, samples });
  }
  return results;
}

async function runScenario({ scenario, subjects, effort, onProgress }) {
  const names = [...subjects.keys()];
  const samples = new Map(names.map((name) => [name, []]));
  for (const [name, subject] of subjects) {
    onProgress(`${scenario.name}: warming up ${name}`);
    await named(`${name} in ${scenario.name}`, () => subject.prepare(scenario));
  }
  for (let round = 0; round < effort.rounds; round += 1) {
    onProgress(`${scenario.name}: round ${round + 1} of ${effort.rounds}`);
    for (const name of orderOf(names, round)) {
      samples.get(name).push(await named(`${name} in ${scenario.name}`, () => subjects.get(name).measure(scenario)));
    }
  }
  return samples;
}

/** Another value of rounds that were measured already. */
function reread(samples, value) {
  return new Map(
    [...samples].map(([name, list]) => [name, list.map((sample) => ({ ...sample, value: value(sample) }))]),
  );
}

/** Each round begins with another contender, and every other round goes backwards: none always follows the same one. */
function orderOf(names, round) {
  const first = round % names.length;
  const order = [...names.slice(first), ...names.slice(0, first)];
  return round % 2 === 0 ? order : order.reverse();
}

async function named(what, action) {
  try {
    return await action();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
}
