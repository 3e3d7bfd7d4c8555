import { describe, expect, test } from "vitest";
import { formatKey, keyOf, parseKey } from "./key.ts";

describe("keys", () => {
  test("are written and read back", () => {
    expect(formatKey(keyOf({ kind: "Grant", metadata: { namespace: "default", name: "ada" } }))).toBe(
      "Grant/default/ada",
    );
    expect(parseKey("Grant/default/ada")).toEqual({ kind: "Grant", namespace: "default", name: "ada" });
  });

  test.for(["", "Grant", "Grant/default", "Grant//ada", "Grant/default/", "Grant/default/ada/x", "Pod/default/ada"])(
    "are refused where they are none: %s",
    (text) => {
      expect(() => parseKey(text)).toThrow(/Kind\/namespace\/name/);
    },
  );
});
