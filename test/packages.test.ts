/** What installing the packages may do to whoever does it. */
import { expect, test } from "bun:test";
import packageJson from "../package.json";

test("installing runs no program of a package", () => {
  // Bun trusts a list of its own unless there is one here; on it is a package that reports each installation.
  expect(packageJson.trustedDependencies).toEqual([]);
});
