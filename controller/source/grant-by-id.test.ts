import fc from "fast-check";
import { expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { aGrant } from "../reconcile/testing.ts";
import { findGrant } from "./grant-by-id.ts";
import type { Source } from "./source.ts";

/** Grants by name; how often all of them were listed. */
function sourceOf(grants: ReadonlyMap<string, Grant>) {
  const source = {
    lists: 0,
    list: () => {
      source.lists += 1;
      return [...grants.values()].map((object) => ({ object }));
    },
    get: (_kind: string, _namespace: string, name: string) => {
      const object = grants.get(name);
      return object === undefined ? undefined : { object };
    },
  };
  return source as typeof source & Pick<Source, "list" | "get">;
}

function named(name: string, grantID: string | undefined): Grant {
  return aGrant({ metadata: { name }, ...(grantID === undefined ? {} : { status: { grantID } }) });
}

const name = fc.constantFrom("a", "b", "c");
const grantID = fc.constantFrom("g1", "g2", "g3");
const step = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), name, grantID: fc.option(grantID, { nil: undefined }) }),
  fc.record({ kind: fc.constant("remove" as const), name }),
  fc.record({ kind: fc.constant("find" as const), grantID }),
);

it("finds what a search through all of them finds, whatever came, went or got another ID before", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const grants = new Map<string, Grant>();
      const source = sourceOf(grants);
      for (const next of steps) {
        if (next.kind === "put") {
          grants.set(next.name, named(next.name, next.grantID));
        } else if (next.kind === "remove") {
          grants.delete(next.name);
        } else {
          const all = [...grants.values()].filter(({ status }) => status?.grantID === next.grantID);
          const found = findGrant(source, next.grantID);
          expect(found === undefined ? all.length === 0 : all.includes(found)).toBe(true);
        }
      }
    }),
  );
});

it("looks through all Grants once, however many are asked for then", () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => `g${index}`);
  const source = sourceOf(new Map(ids.map((id) => [id, named(id, id)])));

  const found = ids.map((id) => findGrant(source, id)?.metadata.name);

  expect(found).toEqual(ids);
  expect(source.lists).toBe(1);
});
