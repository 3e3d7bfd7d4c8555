import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { archiveLines } from "#audit/archive/files.ts";
import { verifyArchive } from "#audit/archive/verify.ts";
import { AuditStore } from "#audit/store/store.ts";
import { testChain, wholeSession } from "#audit/testing/chains.ts";
import { systemClock } from "#lib/clock.ts";
import { isMissing } from "#tools/parts/part.ts";
import { sinkServers } from "#tools/parts/sinks.ts";
import { motoCredentials, startMoto } from "./moto.ts";
import { collect, headsIn, keptHeads, recordsIn, testKey } from "./trail.ts";

const part = sinkServers();
const missing = isMissing(part) ? part.missing : undefined;
const statements = 50;
/** A dozen processes, each of which takes a second where nothing else runs. */
const timeoutMs = 300_000;

/** A store on disk with one session, closed, and a head log. */
async function storeOnDisk() {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-sink-crash-"));
  const file = path.join(folder, "audit.db");
  const store = await AuditStore.open({ path: file, clock: systemClock });
  await store.ingest("default/main", "t1", testChain().write(...wholeSession("s1", statements)));
  const heads = await collect(keptHeads(path.join(folder, "heads"), await store.heads(), 10));
  const exported = await collect(store.export());
  await store.close();
  return {
    folder,
    file,
    exported,
    heads,
    cursors: path.join(folder, "sinks.json"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

type Stored = Awaited<ReturnType<typeof storeOnDisk>>;

/** Runs the sinks in a process of their own. Resolves with the signal that ended it, or null when it ended well. */
async function run(stored: Stored, url: string, writes: number, when: "before" | "after"): Promise<string | null> {
  const program = path.join(import.meta.dirname, "crash-child.ts");
  const child = spawn(process.execPath, [program, stored.file, stored.cursors, url, String(writes), when], {
    env: { PATH: process.env["PATH"] ?? "", ...motoCredentials },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (signal === null && code !== 0) {
    throw new Error(`the sinks ended with ${code}: ${said}`);
  }
  return signal;
}

/** Kills it at every move of the cursor in turn, until it comes through. How often it was killed. */
async function runUntilThrough(stored: Stored, url: string): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    // One, two or three moves further each time, and both sides of the write.
    const signal = await run(stored, url, 1 + (kills % 3), kills % 2 === 0 ? "before" : "after");
    if (signal === null) {
      return kills;
    }
    expect(signal).toBe("SIGKILL");
  }
}

describe("a controller that is killed with SIGKILL around every move of a cursor", () => {
  it(
    "leaves every record and every signed head in files once, in order",
    async () => {
      using stored = await storeOnDisk();
      const directory = path.join(stored.folder, "out");

      const kills = await runUntilThrough(stored, `file://${directory}?batchRecords=20&maxBytes=20000`);

      const lines = readdirSync(directory)
        .toSorted()
        .flatMap((name) => readFileSync(path.join(directory, name), "utf8").trimEnd().split("\n"));
      expect(kills).toBeGreaterThan(3);
      expect(recordsIn(lines)).toEqual(stored.exported);
      expect(headsIn(lines)).toEqual(stored.heads);
      expect((await verifyArchive(archiveLines([directory]), { publicKey: testKey })).verdict).toBe("complete");
    },
    timeoutMs,
  );

  it(
    "leaves every record and every signed head in S3 once, in order",
    async ({ skip }) => {
      skip(missing !== undefined, missing);
      await using moto = await startMoto(isMissing(part) ? "" : part.file);
      Object.assign(process.env, motoCredentials);
      const client = new S3Client({ region: "eu-central-1", endpoint: moto.url, forcePathStyle: true });
      const Bucket = "audit";
      await client.send(new CreateBucketCommand({ Bucket }));
      using stored = await storeOnDisk();

      const kills = await runUntilThrough(
        stored,
        `s3://${Bucket}/trail?batchRecords=20&batchSeconds=0&endpoint=${encodeURIComponent(moto.url)}`,
      );

      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
      const lines: string[] = [];
      for (const { Key } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
        lines.push(...gunzipSync(bytes).toString("utf8").trimEnd().split("\n"));
      }
      expect(kills).toBeGreaterThan(3);
      expect(recordsIn(lines)).toEqual(stored.exported);
      expect(headsIn(lines)).toEqual(stored.heads);
    },
    timeoutMs,
  );
});
