import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { TestHistory, testSigner } from "#audit/archive/testing.ts";
import { testComputer } from "#test/cli/world.ts";
import { auditVerify } from "./audit-verify.ts";

const signer = testSigner();
let lines: readonly string[];

beforeAll(async () => {
  const history = new TestHistory(signer);
  for (const statements of [1, 2, 3]) {
    history.take({ task: "t1", statements, close: true });
    await history.sign();
  }
  history.take({ task: "t1", statements: 0, close: false });
  lines = history.lines();
});

/** Runs the command beside an archive of those lines, in a file as it is and in a gzipped one below. */
async function run(kept: readonly string[], ...argv: string[]) {
  using computer = testComputer();
  const half = Math.floor(kept.length / 2);
  const text = (some: readonly string[]): string => some.map((line) => `${line}\n`).join("");
  mkdirSync(path.join(computer.home, "archive/2026/03"), { recursive: true });
  writeFileSync(path.join(computer.home, "archive/2026/03/b.gz"), gzipSync(text(kept.slice(half))));
  writeFileSync(path.join(computer.home, "archive/a.jsonl"), text(kept.slice(0, half)));
  writeFileSync(path.join(computer.home, "heads.pem"), signer.publicKeyPEM);
  return await computer.run(
    [auditVerify],
    "audit",
    "verify",
    "--archive",
    "archive",
    "--public-key",
    "heads.pem",
    ...argv,
  );
}

describe("audit verify --archive", () => {
  it("says that an archive is complete up to its last signed head, and how much came after it", async () => {
    const { code, out } = await run([...lines, lines[0] ?? "", "a line of another program"]);

    expect(code).toBe(0);
    expect(out).toContain("This archive of acme is complete: 19 records, 4 sessions.\n");
    expect(out).toMatch(/\n {2}last signed head: line 3 of 2026-01-01T00:03:00.000Z, SHA-256 [0-9a-f]{64}\n/);
    expect(out).toContain("\n  not yet signed: 1 records\n");
    expect(out).toContain("\n  delivered again: 1 lines, which count once\n");
    expect(out).toContain("\n  passed over: 1 lines that are no delivery, or are cut off\n");
  });

  it("exits with 1 where a record is missing, and names it", async () => {
    const { code, out } = await run(lines.toSpliced(1, 1));

    expect(code).toBe(1);
    expect(out).toContain("This archive of acme is broken");
    expect(out).toContain("removed: Records 2 to 2 are missing.");
  });

  it("that begins later exits with 1 and says since when it is complete; with 0 where that was said", async () => {
    const late = lines.slice(3).concat(lines.filter((line) => line.includes('"headLine":1,')));

    const strict = await run(late);
    const [, since = ""] = /say --since (\S+)\.\n/.exec(strict.out) ?? [];
    const told = await run(late, "--since", since);
    const early = await run(late, "--since", "2026-01-01T00:00:59Z");

    expect([strict.code, told.code, early.code]).toEqual([1, 0, 1]);
    expect(strict.out).toContain("Records 1 to 3 are missing.");
    expect(told.out).toContain(`This archive of acme is complete from line 1 of ${since} on: 16 records`);
    expect(told.out).toContain(`What was before line 1 of ${since}: not all of it is here.`);
  });

  it("refuses to look at one thing where two were named, and --since without an archive", async () => {
    using computer = testComputer();

    const two = await run(lines, "--export", "heads.pem");
    const since = await computer.run([auditVerify], "audit", "verify", "--since", "1d");

    expect([two.code, since.code]).toEqual([1, 1]);
    expect(two.err).toContain("--export and --archive are different things");
    expect(since.err).toContain("--since is about an archive.");
  });

  it("refuses a directory that holds nothing of a sink, and one that is not there", async () => {
    const empty = await run(["nothing", "of ours"]);
    const missing = await run(lines, "--archive", "elsewhere");

    expect([empty.code, missing.code]).toEqual([1, 1]);
    expect(empty.err).toContain("archive holds nothing that an audit sink delivered");
    expect(missing.err).toContain("the archive cannot be read");
  });
});
