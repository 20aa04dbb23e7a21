import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from "express";
import type {} from "express-session";

declare module "express-session" {
  interface SessionData {
    user: string;
    count: number;
    slow: number;
  }
}

/** One of the two that go through the same trials. */
export type AppName = "usual" | "ours";

/** What every route of a session answers with. */
export interface SessionView {
  /** The name of the instance. */
  readonly servedBy: string;
  readonly user: string | null;
  readonly count: number;
  /** How many of the fields of `POST /fields/:number` are there. */
  readonly fields: number;
}

/** The two things in which the apps differ. */
export interface AppParts {
  /** The middleware that gives requests their session. */
  readonly session: RequestHandler;
  /** For the balancer, at `/healthz`. */
  readonly health?: RequestHandler;
}

const longestWork = 5_000;

/** The app of the trials; both apps are this one. `describe` answers `GET /instance`, for the demo's page. */
export function createApp(
  name: string,
  { session, health }: AppParts,
  describe: () => object | Promise<object>,
): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use((_req, res, next) => {
    res.set({ "X-Served-By": name, "Cache-Control": "no-store" });
    next();
  });
  if (health !== undefined) app.use("/healthz", health);
  app.get("/instance", async (_req, res) => void res.json(await describe()));
  app.use(session, work);
  addRoutes(app, name);
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const { status, message } = error as { status?: number; message?: string };
    res.status(status ?? 500).json({ error: message ?? "failed", servedBy: name });
  });
  return app;
}

function addRoutes(app: Express, name: string): void {
  const show = (req: Request, res: Response): void => void res.json(viewOf(req, name));

  app.get("/session", show);

  app.post("/login", (req, res, next) => {
    req.session.regenerate((error: unknown) => {
      if (error) return next(error);
      const { user } = req.query;
      req.session.user = typeof user === "string" ? user.slice(0, 64) : "someone";
      show(req, res);
    });
  });

  app.post("/logout", (req, res, next) => {
    req.session.destroy((error: unknown) => (error ? next(error) : void res.json({ servedBy: name, user: null })));
  });

  app.post("/count", (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1;
    show(req, res);
  });

  app.post("/fields/:number", (req, res) => {
    const field = /^\d{1,3}$/.exec(req.params.number)?.[0];
    if (field === undefined) return void res.status(400).json({ error: "a field is a number of up to three digits" });
    (req.session as unknown as Record<string, unknown>)[`field-${field}`] = true;
    show(req, res);
  });

  app.post("/slow", (req, res) => {
    req.session.slow = Date.now();
    res.json({ servedBy: name });
  });
}

/** Waits for `?work=` milliseconds, as a request does that asks a database; its session is loaded by then. */
function work(req: Request, _res: Response, next: NextFunction): void {
  const milliseconds = Math.min(Number(req.query["work"] ?? 0), longestWork);
  if (milliseconds > 0) setTimeout(next, milliseconds);
  else next();
}

function viewOf(req: Request, servedBy: string): SessionView {
  const { user, count } = req.session;
  const fields = Object.keys(req.session).filter((key) => key.startsWith("field-")).length;
  return { servedBy, user: user ?? null, count: count ?? 0, fields };
}
