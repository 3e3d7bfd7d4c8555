import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { startGuard } from "./guard.ts";
import { eventually } from "./process.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-guard-"));
  writeFileSync(path.join(folder, "file"), "");
});

function sleeper(): ChildProcess {
  return spawn("sleep", ["300"], { stdio: "ignore" });
}

test("ends what it watches and removes the folder", async () => {
  const guard = startGuard(folder);
  const child = sleeper();
  const ended = once(child, "exit");
  guard.watch([child.pid ?? 0]);

  await guard.end();

  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(existsSync(folder)).toBe(false);
});

test("leaves alone what has left the list, and every process where a server did not start", async () => {
  const guard = startGuard(folder);
  const child = sleeper();
  guard.watch([child.pid ?? 0, 0]);
  guard.watch([0]);

  await guard.end();

  expect(child.kill()).toBe(true);
  expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
});

test("does so when the process that started it is killed, too", async () => {
  const script = `
    const { startGuard } = await import(${JSON.stringify(path.join(import.meta.dirname, "guard.ts"))});
    const { spawn } = await import("node:child_process");
    const child = spawn("sleep", ["300"], { stdio: "ignore" });
    startGuard(${JSON.stringify(folder)}).watch([child.pid]);
    console.log(child.pid);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(owner.stdout, "data")) as [Buffer];

  owner.kill("SIGKILL");

  await eventually("the folder is removed", () => !existsSync(folder) || undefined);
  // Its parent is gone: nobody may have asked for its exit status yet, which leaves a Z.
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", said.toString().trim()], { encoding: "utf8" });
  expect(stdout.trim()).not.toMatch(/^[^Z]/);
});
