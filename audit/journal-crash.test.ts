import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { openJournal } from "./journal.ts";
import { recordsAfter } from "./testing/shipping.ts";
import { verify } from "./verify.ts";

const writer = new URL("testing/crash-writer.ts", import.meta.url).pathname;

/** Starts the writer, kills it with SIGKILL after it has reported `reports` times, and returns the last number it gave. */
async function killAfter(directory: string, reports: number): Promise<number> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
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

it("loses no record that was reported as written when its process is killed, again and again, and closes what was open", async () => {
  const directory = mkdtempSync(`${tmpdir()}/crash-`);
  const clock = manualClock();
  let open = 0;
  for (const reports of [1, 7, 60, 130]) {
    const reported = await killAfter(directory, reports);
    const journal = openJournal({ directory, proxy: "default/main", task: "t1", clock });

    expect(journal.writtenSeq).toBeGreaterThanOrEqual(reported);
    expect(journal.recovery.damage).toEqual([]);
    // The next process closes them.
    open += journal.recovery.openSessions.length;
    journal.close();
  }

  const journal = openJournal({ directory, proxy: "default/main", task: "t1", clock });
  await journal.closeCrashed();
  const kept = await recordsAfter(journal, 0, 1e9);
  const records = kept.map(({ record }) => record);
  const report = await verify({ records: kept });
  journal.close();
  rmSync(directory, { recursive: true });

  expect(report).toMatchObject({ verdict: "consistent, unanchored", findings: [], counts: { openSessions: 0 } });
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
  expect(records.filter((record) => record.kind === "session.close" && record.reason === "proxy-crashed").length).toBe(
    4,
  );
});
