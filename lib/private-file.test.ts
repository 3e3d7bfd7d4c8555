import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writePrivateFile } from "./private-file.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "private-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("a private file is its owner's alone, also where one that others may read was there", () => {
  const file = path.join(folder, "new", "secret");
  mkdirSync(path.dirname(file));
  writeFileSync(file, "old", { mode: 0o644 });

  writePrivateFile(file, "text");

  expect(readFileSync(file, "utf8")).toBe("text");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(path.dirname(file))).toEqual(["secret"]);
});

it("a link that lies where it might be written first is not followed", () => {
  const file = path.join(folder, "secret");
  const others = path.join(folder, "others");
  writeFileSync(others, "theirs");
  symlinkSync(others, `${file}.${process.pid}`);

  writePrivateFile(file, "text");

  expect(readFileSync(others, "utf8")).toBe("theirs");
  expect(readFileSync(file, "utf8")).toBe("text");
});

it("what cannot be put in place is not left behind", () => {
  const file = path.join(folder, "secret");
  mkdirSync(path.join(file, "full"), { recursive: true });

  expect(() => writePrivateFile(file, "text")).toThrow();

  expect(readdirSync(folder)).toEqual(["secret"]);
});
