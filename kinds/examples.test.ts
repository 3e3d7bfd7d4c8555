import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { AnyObject } from "./generated/schemas.ts";
import { findDuplicates, loadManifests } from "./load.ts";
import { formatProblem } from "./problem.ts";

const root = path.dirname(import.meta.dirname);
const files = readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.yaml(\.example)?$/.test(name),
);
const loaded = files.map((name) => loadManifests(readFileSync(path.join(root, "examples", name)), `examples/${name}`));
const objects = loaded.flatMap((file) => file.objects.map(({ object }) => object));

test("every example is valid, and no object stands in two places", () => {
  const problems = [
    ...loaded.flatMap((file) => file.problems),
    ...findDuplicates(loaded.flatMap((file) => file.objects)),
  ];

  expect(problems.map(formatProblem)).toEqual([]);
  expect(new Set(objects.map(({ kind }) => kind))).toEqual(
    new Set(["Proxy", "Database", "AccessWorkflow", "Availability", "Grant"]),
  );
});

test("every reference between the examples leads somewhere", () => {
  const names = (kind: AnyObject["kind"]): readonly string[] =>
    objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

  for (const object of objects) {
    switch (object.kind) {
      case "Database":
        expect(names("Proxy")).toContain(object.spec.proxyRef.name);
        break;
      case "Availability":
        expect(names("AccessWorkflow")).toContain(object.spec.workflowRef.name);
        for (const { name } of object.spec.databaseRefs ?? []) {
          expect(names("Database")).toContain(name);
        }
        break;
      case "Grant":
        expect(names("Database")).toContain(object.spec.databaseRef.name);
        break;
      case "Proxy":
      case "AccessWorkflow":
      case "GrantReview":
        break;
      default:
        throw new Error("unknown kind");
    }
  }
});
