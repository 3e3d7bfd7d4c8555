import { expect, test } from "vitest";
import { generateKinds } from "#tools/generate-kinds.ts";
import { conditionType, kindTypes } from "#tools/kind-types.ts";

test("kinds/generated is what crds/ says", () => {
  expect(generateKinds({ check: true })).toEqual([]);
});

test("an interface is written for each object, with optional and readonly fields, unions and doc comments", () => {
  const text = kindTypes(
    {
      kind: "Door",
      schema: {
        description: "A door.",
        type: "object",
        properties: {
          spec: {
            description: "What is wanted.",
            type: "object",
            required: ["state"],
            properties: {
              state: { description: "Open */ or shut.", type: "string", enum: ["Open", "Shut"] },
              keys: {
                description: "Its keys.",
                type: "array",
                maxItems: 3,
                items: {
                  description: "A key.",
                  type: "object",
                  properties: { teeth: { type: "integer", minimum: 1, maximum: 9 } },
                },
              },
              signs: { description: "Signs.", type: "object", additionalProperties: { type: "string" } },
              nothing: { description: "Marker.", type: "object", properties: {} },
            },
          },
        },
      },
    },
    "doors.example/v1",
  );

  expect(text).toContain('readonly apiVersion: "doors.example/v1";');
  expect(text).toContain('/** Open *\\/ or shut. */\n  readonly state: "Open" | "Shut";');
  expect(text).toContain("/** Its keys. (at most 3) */\n  readonly keys?: readonly DoorSpecKey[];");
  expect(text).toContain("readonly signs?: { readonly [key: string]: string };");
  expect(text).toContain("readonly nothing?: { readonly [key: string]: never };");
  expect(text).toContain("export interface DoorSpecKey {\n  /** (1…9) */\n  readonly teeth?: number;\n}");
});

test("a schema that has no TypeScript form is a defect, not a guess", () => {
  expect(() => conditionType({ properties: { strange: {} } })).toThrow(/has no TypeScript form/);
});
