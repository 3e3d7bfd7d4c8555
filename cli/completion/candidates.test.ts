import { describe, expect, it } from "vitest";
import type { Command } from "../command.ts";
import { allCommands } from "../commands/all.ts";
import { expectedWord } from "./candidates.ts";
import { type Known, select } from "./known.ts";

const never = (): Promise<never> => Promise.reject(new Error("completion runs nothing"));
const commands: readonly Command[] = allCommands({
  controller: never,
  proxy: never,
  sandbox: never,
  plan: never,
  diff: never,
  leftovers: never,
});
const values = (...words: string[]): string[] => expectedWord(commands, words).words.map(({ value }) => value);

describe("the word that is typed", () => {
  it("is a command, or the next word of one; what only programs run is not offered", () => {
    expect(values("")).toEqual(expect.arrayContaining(["request", "approve", "grants", "audit", "doctor"]));
    expect(values("")).not.toContain("__complete");
    expect(values("grants", "")).toEqual(["list", "get", "watch", "revoke"]);
    expect(values("nonsense", "")).toEqual([]);
  });

  it("is an option of its command that was not given yet, unless it may be given again", () => {
    const left = values("request", "orders", "app_owner", "--reason", "x", "-d", "1h", "--");

    expect(left).toEqual(expect.arrayContaining(["--wait", "--yes", "--output", "--help"]));
    expect(left).not.toContain("--reason");
    expect(left).not.toContain("--duration");
    expect(values("rds", "proxy", "--target", "a:b", "--")).toContain("--target");
  });

  it.each([
    [
      ["wait", "g1", "--for", ""],
      ["approved", "active", "ended"],
    ],
    [
      ["grants", "list", "-o", ""],
      ["text", "json"],
    ],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
  ])("%j is one of %j", (words, expected) => {
    expect(values(...words)).toEqual(expected);
  });

  it.each([
    [["request", ""], { kind: "databases" }],
    [["request", "orders", ""], { kind: "roles", database: "orders" }],
    [["rds", "proxy", "--database", "orders", "--role", ""], { kind: "roles", database: "orders" }],
    [["rds", "proxy", "--target", ""], { kind: "targets" }],
    [["approve", ""], { kind: "grants" }],
    [["approve", "--comment", "yes", ""], { kind: "grants" }],
    [["grants", "watch", ""], { kind: "grants" }],
    [["audit", "tail", "--grant", ""], { kind: "grants" }],
    [["sessions", "kill", ""], { kind: "sessions" }],
    [["login", "--ca-file", ""], { kind: "files" }],
    [["validate", "a.yaml", ""], { kind: "files" }],
  ])("%j is looked up: %j", (words, expected) => {
    expect(expectedWord(commands, words)).toMatchObject(expected);
  });

  it("is nobody's to know where it is free text", () => {
    expect(expectedWord(commands, ["approve", "g1", "--comment", ""])).toEqual({ words: [] });
  });
});

it("roles are those of the database, and each name is offered once", () => {
  const known: Known = {
    time: 0,
    databases: [
      { database: "orders", role: "read_only" },
      { database: "orders", role: "app_owner" },
      { database: "billing", role: "read_only" },
    ],
    grants: [],
    sessions: [],
  };
  const of = (...[kind, database]: Parameters<typeof select> extends [Known, ...infer Rest] ? Rest : never): string[] =>
    select(known, kind, database).map(({ value }) => value);

  expect(of("databases", undefined)).toEqual(["orders", "billing"]);
  expect(of("roles", "billing")).toEqual(["read_only"]);
  expect(of("roles", undefined)).toEqual(["read_only", "app_owner"]);
  expect(of("targets", undefined)).toEqual(["orders:read_only", "orders:app_owner", "billing:read_only"]);
});
