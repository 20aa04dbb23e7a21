// The Express app of all contenders: node app.mjs <contender> [Redis URL]. It sends `{ port }` to its parent when it listens.
import express from "express";
import { contenders } from "./contenders.mjs";
import { sessionOf } from "./session-data.mjs";

const [name, redisUrl] = process.argv.slice(2);
const app = express();
app.use(await contenders[name](redisUrl));

app.post("/sessions/:number", (request, response) => {
  Object.assign(request.session, sessionOf(Number(request.params.number)));
  response.json({ userId: request.session.userId });
});
// A session that was lost is an error here, so that the load, which looks at the status alone, sees it.
app.get("/read", (request, response) => {
  const { userId } = request.session;
  response.status(userId === undefined ? 500 : 200).json({ userId });
});
app.post("/write", (request, response) => {
  request.session.visits += 1;
  const { visits } = request.session;
  response.status(visits > 0 ? 200 : 500).json({ visits });
});
app.get("/anonymous", (request, response) => {
  const signedIn = request.session.userId !== undefined;
  response.status(signedIn ? 500 : 200).json({ signedIn });
});

const server = app.listen(0, "127.0.0.1", (error) => {
  if (error) throw error;
  process.send({ port: server.address().port });
});
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuTime: user + system });
});
process.on("disconnect", () => process.exit());
