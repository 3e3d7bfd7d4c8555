import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeEnvironment } from "./env-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "env-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const parts = {
  url: "http://127.0.0.1:1",
  region: "eu-west-1",
  startURL: "http://127.0.0.1:1/start",
  credentials: { accessKeyID: "AKIAX", secretAccessKey: `a'b"c $d`, expiresAt: undefined },
};

test("a shell reads back every value as it was, and nothing in it runs", async () => {
  const file = path.join(folder, "x.env");
  const person = {
    userName: "9 o'neil\n$(touch pwned)",
    permissionSetName: "s\nexport EVIL=1",
    credentials: { accessKeyID: "ASIAX", secretAccessKey: "s", sessionToken: "'; touch pwned; '", expiresAt: 0 },
  };

  await writeEnvironment(file, parts, [person]);
  const print = `. "${file}"; printf '%s|%s|%s' "$AWS_SECRET_ACCESS_KEY" "$_9_O_NEIL___TOUCH_PWNED__AWS_SESSION_TOKEN" "$EVIL"`;
  const shown = execFileSync("sh", ["-c", print], { encoding: "utf8", cwd: folder, env: {} });

  expect(shown).toBe(`${parts.credentials.secretAccessKey}|'; touch pwned; '|`);
  expect(readdirSync(folder)).toEqual(["x.env"]);
});

test("the file is for its owner alone, even where another file stood before or a draft was left behind", async () => {
  const file = path.join(folder, "x.env");
  writeFileSync(file, "old", { mode: 0o644 });
  writeFileSync(`${file}.new`, "left behind", { mode: 0o666 });

  await writeEnvironment(file, parts, []);

  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["x.env"]);
});
