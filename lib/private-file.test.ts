import {
  chmodSync,
  chownSync,
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
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

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

it("a private file is read as it was written; none is none", () => {
  const file = path.join(folder, "secret");
  writePrivateFile(file, "text");

  expect(readPrivateFile(file)).toEqual({ text: "text" });
  expect(readPrivateFile(path.join(folder, "other"))).toBeUndefined();
});

it.each([
  ["others may read it", (file: string) => chmodSync(file, 0o604), "may be read by other users of this computer"],
  ["its group may write it", (file: string) => chmodSync(file, 0o620), "may be read by other users of this computer"],
  [
    "it is a link, wherever that leads",
    (file: string) => (rmSync(file), symlinkSync(`${file}.real`, file)),
    "is a link",
  ],
  ["it is a folder", (file: string) => (rmSync(file), mkdirSync(file)), "is no file"],
])("a private file is not read where %s", (_, spoil, exposed) => {
  const file = path.join(folder, "secret");
  writePrivateFile(file, "text");
  writePrivateFile(`${file}.real`, "text");

  spoil(file);

  expect(readPrivateFile(file)).toEqual({ exposed });
});

it("a private file is not read where another user put it", (context) => {
  if (process.getuid?.() !== 0) {
    context.skip("only root can give a file to another user");
  }
  const file = path.join(folder, "secret");
  writePrivateFile(file, "text");

  chownSync(file, 65_534, 65_534);

  expect(readPrivateFile(file)).toEqual({ exposed: "belongs to another user of this computer" });
});
