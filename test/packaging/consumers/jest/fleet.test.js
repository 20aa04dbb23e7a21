const { createFleet } = require("express-fleet");
const sessions = require("express-fleet/sessions");

test("a CommonJS test of a user makes a fleet and closes it", async () => {
  expect(sessions).toBeDefined();
  const fleet = createFleet({ backend: "memory", logger: false });
  await fleet.ready();
  expect(fleet.topology().kind).toBe("memory");
  await fleet.close();
});
