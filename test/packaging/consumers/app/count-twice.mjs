import assert from "node:assert/strict";

/** Signs a visitor's count into a session twice, once for each way to use the package, and ends by itself. */
export async function countTwice({ once, express, session, createFleet, FleetError, sessions, testing }) {
  assert.ok(Object.keys(sessions).length >= 0 && Object.keys(testing).length > 0);
  assert.throws(() => createFleet({ backend: "nonsense" }), FleetError);
  for (const use of ["middleware", "store"]) {
    const fleet = createFleet({ backend: "memory", logger: false });
    const secret = "a secret of more than thirty-two bytes";
    const app = express();
    app.use("/healthz", fleet.health.router());
    app.use(
      use === "middleware"
        ? fleet.sessions.middleware({ secret })
        : session({ secret, resave: false, saveUninitialized: false, store: fleet.sessions.store() }),
    );
    app.get("/", (req, res) => {
      req.session.count = (req.session.count ?? 0) + 1;
      res.json({ count: req.session.count });
    });
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const base = `http://127.0.0.1:${server.address().port}`;
    assert.equal((await fetch(`${base}/healthz/ready`)).status, 200);
    const first = await fetch(base);
    assert.deepEqual(await first.json(), { count: 1 });
    const cookie = first.headers
      .getSetCookie()
      .map((each) => each.split(";")[0])
      .join("; ");
    const second = await fetch(base, { headers: { cookie } });
    assert.deepEqual(await second.json(), { count: 2 });
    await fleet.close({ server });
  }
  console.log("counted");
}
