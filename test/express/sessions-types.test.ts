import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import express4 from "express4";
import expressSession from "express-session";
import { expect, test } from "vitest";
import type { Handler } from "../../src/http/handler.js";
import { instanceOn, secret } from "./support.js";

test("the store and the middleware fit where users put them, by their types too", () => {
  const sessions = instanceOn(randomUUID());
  // What @types/express-session and both majors of @types/express ask for.
  const store: expressSession.Store = sessions.store({ onStoreError: { read: "anonymous" } });
  const options: expressSession.SessionOptions = { secret, store: sessions.store() };
  const handler: Handler = sessions.middleware({ secret, cookie: { maxAge: "30d", sameSite: "strict" } });
  express()
    .use(expressSession({ ...options, store, resave: false, saveUninitialized: false }))
    .use(handler);
  express4().use(handler);
  createServer((request, response) => void handler(request, response, () => response.end()));

  // @ts-expect-error a middleware has a secret
  expect(() => sessions.middleware({})).toThrow(/secret/);
  // @ts-expect-error the options of express-session's `store` are ours
  expect(() => sessions.middleware({ secret, store })).toThrow(/no option "store"/);
  // @ts-expect-error a duration has a unit
  expect(() => sessions.middleware({ secret, cookie: { maxAge: "30" } })).toThrow(/duration/);
  // @ts-expect-error there are two policies
  expect(() => sessions.store({ onGone: "ignore" })).toThrow(/onGone/);
});
