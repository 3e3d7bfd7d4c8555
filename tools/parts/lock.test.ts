import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "vitest";
import { alone } from "./lock.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-lock-"));
  file = path.join(folder, "parts", "thing.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the work runs under a file that names this process, and is gone afterwards", () => {
  const held = alone(file, () => readFileSync(file, "utf8"));

  expect(held).toBe(String(process.pid));
  expect(existsSync(file)).toBe(false);
});

test("work that fails gives the lock back", () => {
  expect(() =>
    alone(file, () => {
      throw new Error("no room");
    }),
  ).toThrow("no room");

  expect(existsSync(file)).toBe(false);
});

test("the lock of a process that died is taken over", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  alone(file, () => {});
  writeFileSync(file, String(pid));

  const result = alone(file, () => "done");

  expect(result).toBe("done");
});

test("whoever finds it held waits until it is given back", async () => {
  alone(file, () => {});
  writeFileSync(file, String(process.pid));
  const source = `
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(path.join(import.meta.dirname, "lock.ts"))}).then(({ alone }) => {
      parentPort.postMessage("asks");
      alone(${JSON.stringify(file)}, () => parentPort.postMessage("has it"));
    });`;
  const worker = new Worker(source, { eval: true });
  const said: unknown[] = [];
  worker.on("message", (message) => said.push(message));
  await once(worker, "message");
  const before = [...said];

  rmSync(file);

  await once(worker, "exit");
  expect(before).toEqual(["asks"]);
  expect(said).toEqual(["asks", "has it"]);
});
