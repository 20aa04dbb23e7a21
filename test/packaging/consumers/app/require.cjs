const { once } = require("node:events");
const express = require("express");
const session = require("express-session");
const { createFleet, FleetError } = require("express-fleet");
const sessions = require("express-fleet/sessions");
const testing = require("express-fleet/testing");

import("./count-twice.mjs").then(({ countTwice }) =>
  countTwice({ once, express, session, createFleet, FleetError, sessions, testing }),
);
