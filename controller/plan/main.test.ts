import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { diff, plan, type PlanArguments } from "./main.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sallyport-plan-"));
  mkdirSync(path.join(root, "base"));
  mkdirSync(path.join(root, "wanted"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(folder: "base" | "wanted", maxDurationSeconds: number, more = ""): void {
  writeFileSync(
    path.join(root, folder, "workflow.yaml"),
    `apiVersion: sallyport.dev/v1alpha1\nkind: AccessWorkflow\nmetadata: {name: quick}\nspec: {maxDurationSeconds: ${maxDurationSeconds}${more}}\n`,
  );
}

function given(options: PlanArguments["options"] = { base: path.join(root, "base") }): PlanArguments {
  return { folder: path.join(root, "wanted"), options, environment: {}, clock: manualClock(), version: "0" };
}

describe("exit codes of plan and diff", () => {
  it("are 0 where nothing changes", async () => {
    write("base", 3600);
    write("wanted", 3600);

    expect(await plan(given())).toMatchObject({ exitCode: 0, value: { changes: [], cost: { calls: 0 } } });
    expect(await diff(given())).toMatchObject({ exitCode: 0, value: { changes: [] } });
  });

  it("are 2 where something does", async () => {
    write("base", 3600);
    write("wanted", 7200);

    expect(await plan(given())).toMatchObject({ exitCode: 2 });
    const { exitCode, text } = await diff(given());
    expect(exitCode).toBe(2);
    expect(text).toContain("+  maxDurationSeconds: 7200");
  });

  it("are an error's where a file would be refused, with its place", async () => {
    write("base", 3600);
    write("wanted", 3600, ", unheardOf: 1");

    await expect(plan(given())).rejects.toMatchObject({
      code: "Invalid",
      why: expect.stringContaining("workflow.yaml:4"),
    });
  });

  it("are an error's where there is nothing to compare with, or too much", async () => {
    write("wanted", 3600);

    await expect(plan(given({}))).rejects.toMatchObject({ code: "NoBase" });
    await expect(plan(given({ base: root, cluster: true }))).rejects.toMatchObject({ code: "NoBase" });
  });

  it("are an error's where an object may not change like this", async () => {
    const grant = (role: string): string =>
      `apiVersion: sallyport.dev/v1alpha1\nkind: Grant\nmetadata: {name: ada}\nspec: {principal: {name: ada}, databaseRef: {name: orders}, roleName: ${role}, durationSeconds: 60, notAfterTime: "2026-02-01T00:00:00Z"}\n`;
    writeFileSync(path.join(root, "base", "grant.yaml"), grant("reader"));
    writeFileSync(path.join(root, "wanted", "grant.yaml"), grant("owner"));

    await expect(plan(given())).rejects.toMatchObject({
      code: "Invalid",
      why: expect.stringContaining("grant.yaml:1"),
    });
  });
});
