import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { decodeRecord } from "./codec.ts";
import { openJournal, type Journal } from "./journal.ts";
import { crashLimits, CrashStore } from "./testing/crash-store.ts";
import { verify } from "./verify.ts";

const writer = new URL("testing/crash-writer.ts", import.meta.url).pathname;

/** Starts the writer, kills it with SIGKILL after it has reported `reports` times, and returns the last number it gave. */
async function killAfter(directory: string, store: string, reports: number): Promise<number> {
  const child = spawn(process.execPath, [writer, directory, store], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    seen += chunk.split("\n").length - 1;
    if (seen >= reports) {
      child.kill("SIGKILL");
    }
  });
  await new Promise((resolve) => child.once("close", resolve));
  return Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
}

it("loses no record that was reported as written when its process is killed under load, links again what was under way to the same bytes, and closes what was open", async () => {
  const directory = mkdtempSync(`${tmpdir()}/crash-`);
  const storePath = `${directory}-store`;
  const clock = manualClock();
  const open = (): Journal =>
    openJournal({ directory, proxy: "default/main", task: "t1", clock, limits: crashLimits, linking: "here" });
  let lastReported = 0;
  for (const reports of [1, 7, 150, 300]) {
    const reported = await killAfter(directory, storePath, reports);
    const journal = open();

    expect(journal.writtenSeq).toBeGreaterThanOrEqual(reported);
    expect(journal.recovery.damage).toEqual([]);
    // Sessions that were open are closed by the next process.
    lastReported = Math.max(lastReported, reported);
    journal.close();
  }

  const journal = open();
  const store = new CrashStore(storePath);
  const shipped = store.lastSeq;
  await journal.closeCrashed();
  while (await store.takeFrom(journal, 50_000)) {}
  const { segments } = journal.metrics();
  journal.close();
  const kept = store.records();
  const records = kept.map(({ bytes }) => decodeRecord(bytes));
  const report = await verify({ records: kept });
  const files = readdirSync(directory).filter((name) => name.startsWith("records-"));
  rmSync(directory, { recursive: true });
  rmSync(storePath);

  // Each process begins with a gap record of its own.
  expect(report.findings.map(({ kind }) => kind)).toEqual(["gap", "gap", "gap", "gap"]);
  expect(report.counts.openSessions).toBe(0);
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
  expect(records.length).toBeGreaterThanOrEqual(lastReported);
  expect(records.filter((record) => record.kind === "session.close" && record.reason === "proxy-crashed").length).toBe(
    4,
  );
  // The dead processes had shipped, and room was given back, so records were linked on both sides of a death.
  expect(shipped).toBeGreaterThan(0);
  expect(Math.min(...files.map((name) => Number(/\d+/.exec(name)?.[0])))).toBeGreaterThan(1);
  expect(files.length).toBeLessThanOrEqual(segments);
});
