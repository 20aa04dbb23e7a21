// One process of a contender: node worker.mjs <contender> <Redis URL>. It sends `{ ready }` when it can lock, and answers each
// `{ task, ... }` with `{ result }` or `{ failure }`.
import { contenders } from "./contenders.mjs";
import { loads } from "./loads.mjs";

const [name, redisUrl] = process.argv.slice(2);
const contender = await contenders[name](redisUrl);
process.on("message", ({ task, ...options }) => {
  loads[task](contender, options).then(
    (result) => process.send({ result }),
    (error) => process.send({ failure: error.stack }),
  );
});
process.on("disconnect", () => process.exit());
process.send({ ready: true });
