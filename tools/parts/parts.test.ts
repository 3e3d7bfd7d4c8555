import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { bringFromSuite, findInSuite } from "./debian-suite.ts";
import { archiveUnreachable, reasonFor, rememberMissing } from "./part.ts";

const request = { name: "thing", packages: ["thing-core"], programs: ["usr/bin/thing"] };
let cache: string;

beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), "sallyport-parts-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

function brought(version: string, isWhole: boolean): void {
  const folder = path.join(cache, "sallyport", `thing-${version}`);
  mkdirSync(folder, { recursive: true });
  if (isWhole) {
    writeFileSync(path.join(folder, "ready"), "");
  }
}

it("uses the newest version that was brought whole, and brings nothing then", () => {
  brought("9.9.4-2", true);
  brought("9.10.1-1", true);
  brought("9.11.0-1", false);

  const found = findInSuite(request);

  expect(found).toEqual({ version: "9.10.1-1", folder: path.join(cache, "sallyport", "thing-9.10.1-1") });
  expect(bringFromSuite(request, () => expect.unreachable("it is there already"))).toEqual(found);
});

it("says why a part is missing: what set-up found, else that set-up brings it", () => {
  vi.stubEnv("SALLYPORT_MISSING_PARTS", undefined);
  rememberMissing("thing", `${archiveUnreachable}no route`);

  expect(reasonFor("thing")).toBe("the archive could not be reached: no route");
  expect(reasonFor("other")).toContain("npm test");
});
