import { describe, expect, it } from "vitest";
import { meant, readTyped } from "./typed.ts";

describe("what is typed", () => {
  const runs = [
    { label: "orders:read_only", hasWarned: false },
    { label: "stock:app_owner", hasWarned: true },
  ];

  it("extends what is named, the only one, or those that end soon", () => {
    expect(meant({ kind: "extend", label: "orders:read_only" }, runs)).toEqual([runs[0]]);
    expect(meant({ kind: "extend", label: undefined }, runs.slice(0, 1))).toEqual([runs[0]]);
    expect(meant({ kind: "extend", label: undefined }, runs)).toEqual([runs[1]]);
    expect(meant({ kind: "extend", label: "other" }, runs)).toEqual([]);
    expect(meant({ kind: "unknown" }, runs)).toEqual([]);
  });

  it.each([
    ["", undefined],
    ["e", { kind: "extend", label: undefined }],
    [" Extend orders:read_only ", { kind: "extend", label: "orders:read_only" }],
    ["e one two", { kind: "unknown" }],
    ["select 1;", { kind: "unknown" }],
  ])("%j is read", (line, expected) => {
    expect(readTyped(line)).toEqual(expected);
  });
});
