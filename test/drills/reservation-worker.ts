/** An instance of an app whose documents are reserved; what it writes goes to a table that another process keeps. */
import type { AddressInfo } from "node:net";
import express from "express";
import { createFleet } from "express-fleet";
import type { ReservedRequest } from "express-fleet/reservations";

const table = process.env["DRILL_TABLE"] ?? "";
const fleet = createFleet({ logger: false });
const documents = fleet.reservations.define("document");
const app = express();
app.use(express.json());
app.use(fleet.sessions.middleware({ secret: "a secret of more than thirty-two bytes" }));

app.post("/login/:user", (req, res, next) => {
  req.session.regenerate((error: unknown) => {
    if (error) return next(error);
    req.session.user = req.params.user;
    res.sendStatus(204);
  });
});

app.use("/reservations", documents.router({ owner: (req) => String(req.session.user), can: () => true }));

app.put("/documents/:id", documents.require({ item: (req) => String(req.params.id) }), async (req, res) => {
  const token = (req as ReservedRequest).reservation?.token ?? 0;
  if (req.query["slowly"] !== undefined) await told("write");
  const written = await fetch(`${table}/${req.params.id}`, {
    method: "PUT",
    body: JSON.stringify({ token, text: (req.body as { text: string }).text }),
  });
  res.sendStatus(written.status);
});

/** Says that the guard has let a write pass, and waits until it is to go on. */
function told(order: string): Promise<void> {
  return new Promise((resolve) => {
    process.on("message", function listener(message) {
      if (message !== order) return;
      process.off("message", listener);
      resolve();
    });
    process.send?.({ kind: "writing" });
  });
}

process.on("message", (message) => {
  if (message === "close") void fleet.close({ server }).then(() => process.disconnect());
});

const server = app.listen(0, "127.0.0.1", () => {
  fleet.ready().then(
    () => process.send?.({ kind: "ready", port: (server.address() as AddressInfo).port }),
    (error: Error) => process.send?.({ kind: "failed", message: error.message }),
  );
});
