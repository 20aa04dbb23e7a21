import { once } from "node:events";
import express from "express";
import session from "express-session";
import { createFleet, FleetError } from "express-fleet";
import * as sessions from "express-fleet/sessions";
import * as testing from "express-fleet/testing";
import { countTwice } from "./count-twice.mjs";

await countTwice({ once, express, session, createFleet, FleetError, sessions, testing });
