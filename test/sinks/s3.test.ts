import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { archiveLines } from "#audit/archive/files.ts";
import { keyTemplateDefault } from "#audit/sinks/s3-key.ts";
import { S3Sink } from "#audit/sinks/s3.ts";
import { systemClock } from "#lib/clock.ts";
import { eventually } from "#test/harness/process.ts";
import { isMissing } from "#tools/parts/part.ts";
import { sinkServers } from "#tools/parts/sinks.ts";
import { type DoorFault, type FaultyDoor, startDoor } from "./faulty-door.ts";
import { type Moto, motoCredentials, startMoto } from "./moto.ts";
import { asExported, collect, openTrail, type TrailStand } from "./trail.ts";

const part = sinkServers();
const missing = isMissing(part) ? part.missing : undefined;
const region = "eu-central-1";

describe("S3, as moto speaks it", () => {
  let moto: Moto;
  let client: S3Client;
  let buckets = 0;

  beforeAll(async () => {
    if (!isMissing(part)) {
      Object.assign(process.env, motoCredentials);
      moto = await startMoto(part.file);
      client = new S3Client({ region, endpoint: moto.url, forcePathStyle: true });
    }
  });
  afterAll(async () => {
    await moto?.stop();
  });

  async function stand({ objectLock = false } = {}) {
    buckets += 1;
    const bucket = `audit-${buckets}`;
    await client.send(
      new CreateBucketCommand({
        Bucket: bucket,
        ObjectLockEnabledForBucket: objectLock,
        CreateBucketConfiguration: { LocationConstraint: region },
      }),
    );
    const door = await startDoor(moto.url);
    const trail = await openTrail();
    return {
      bucket,
      door,
      trail,
      async [Symbol.asyncDispose]() {
        // First, so that a last delivery does not wait for a door that holds it.
        await door.stop();
        await trail[Symbol.asyncDispose]();
      },
    };
  }

  function sinkTo(bucket: string, door: FaultyDoor, changes: Partial<ConstructorParameters<typeof S3Sink>[0]> = {}) {
    return new S3Sink({
      bucket,
      prefix: "trail",
      keyTemplate: keyTemplateDefault,
      installation: "acme",
      region,
      endpoint: door.url,
      clock: systemClock,
      ...changes,
    });
  }

  async function keysIn(bucket: string): Promise<string[]> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = "" }) => Key).toSorted();
  }

  /** All lines of all objects, by the names' order. Read with nothing of ours. */
  async function linesIn(bucket: string): Promise<string[]> {
    const lines: string[] = [];
    for (const Key of await keysIn(bucket)) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      const bytes = await Body?.transformToByteArray();
      lines.push(
        ...gunzipSync(bytes ?? new Uint8Array())
          .toString("utf8")
          .trimEnd()
          .split("\n"),
      );
    }
    return lines;
  }

  /** All objects as they are, under the last parts of their names. */
  async function downloaded(bucket: string) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-s3-"));
    for (const Key of await keysIn(bucket)) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      writeFileSync(path.join(folder, path.basename(Key)), (await Body?.transformToByteArray()) ?? "");
    }
    return {
      path: folder,
      names: readdirSync(folder).toSorted(),
      [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
    };
  }

  async function expectWhole(trail: TrailStand, bucket: string): Promise<void> {
    expect((await linesIn(bucket)).map(asExported)).toEqual(await trail.exported());
  }

  it.skipIf(missing !== undefined)(
    `gets every record once, in order, in objects that are named by day, hour and positions${missing === undefined ? "" : `: ${missing}`}`,
    async () => {
      await using stage = await stand();
      const { bucket, door, trail } = stage;
      await trail.add("s1", 60);
      await trail.add("s2", 60);

      const records = trail.runner(sinkTo(bucket, door));
      await trail.delivered(records);

      await expectWhole(trail, bucket);
      const keys = await keysIn(bucket);
      expect(keys[0]).toMatch(/^trail\/acme\/\d{4}\/\d\d\/\d\d\/\d\d\/e0-0{15}1-0{14}50\.jsonl\.gz$/);
      expect(keys).toHaveLength(5);

      // The signed heads come in an object of their own. What was downloaded then verifies by itself, and not without one of the objects.
      await trail.delivered(trail.headRunner(sinkTo(bucket, door), records));
      using folder = await downloaded(bucket);
      expect(folder.names).toHaveLength(6);
      expect(folder.names.at(-1)).toMatch(/^headse0-0{15}1-0{15}2\.jsonl\.gz$/);
      expect(await trail.verified(archiveLines([folder.path]))).toMatchObject({
        verdict: "complete",
        lastHeads: [{ line: 2 }],
        notSigned: 0,
        otherLines: 0,
        counts: { records: 244, sessions: 2 },
      });
      rmSync(path.join(folder.path, folder.names[2] ?? ""));
      expect((await trail.verified(archiveLines([folder.path]))).verdict).toBe("broken");
    },
  );

  it.skipIf(missing !== undefined)("holds what it writes under Object Lock until the retention is over", async () => {
    await using stage = await stand({ objectLock: true });
    const { bucket, door, trail } = stage;
    await trail.add("s1", 1);
    const before = Date.now();

    await trail.delivered(
      trail.runner(sinkTo(bucket, door, { objectLock: { mode: "COMPLIANCE", retentionDays: 30 } })),
    );

    const [Key] = await keysIn(bucket);
    const held = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
    expect(held.ObjectLockMode).toBe("COMPLIANCE");
    // S3 counts whole seconds.
    expect(held.ObjectLockRetainUntilDate?.getTime()).toBeGreaterThanOrEqual(before + 30 * 86_400_000 - 1_000);
    const { VersionId } = held;
    await expect(client.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }))).rejects.toThrow(
      /Access Denied/,
    );
    const put = door.requests.find(({ method }) => method === "PUT");
    expect(put?.headers).toMatchObject({ "if-none-match": "*", "content-encoding": expect.stringContaining("gzip") });
    expect(put?.headers["x-amz-checksum-sha256"]).toHaveLength(44);
  });

  const faults: [string, DoorFault][] = [
    ["the connection is reset in the middle of the body", "reset"],
    ["the answer is lost", "lost-answer"],
    ["the answer is 500", { status: 500 }],
    ["it is told to slow down", { status: 503, headers: { "retry-after": "0" } }],
    ["the answer is 429", { status: 429, headers: { "retry-after": "0" } }],
  ];
  it.skipIf(missing !== undefined).each(faults)("loses and repeats nothing when %s", async (_, fault) => {
    await using stage = await stand();
    const { bucket, door, trail } = stage;
    await trail.add("s1", 60);
    door.faults.push(fault, fault);

    await trail.delivered(trail.runner(sinkTo(bucket, door)));

    await expectWhole(trail, bucket);
    // A lost answer and the comparison that follows it are two requests, of which the second meets the second fault.
    expect(door.requests.length).toBeGreaterThan(4);
  });

  it.skipIf(missing !== undefined)("waits as long as a 503 asks for", async () => {
    await using stage = await stand();
    const { bucket, door, trail } = stage;
    await trail.add("s1", 1);
    door.faults.push({ status: 503, headers: { "retry-after": "3600" } });

    const runner = trail.runner(sinkTo(bucket, door));
    const { failure } = await eventually("it fails", () => {
      const status = runner.status();
      return status.failure === undefined ? undefined : status;
    });

    expect(failure).toMatchObject({ kind: "throttled", tries: 1 });
    expect(await keysIn(bucket)).toEqual([]);
  });

  it.skipIf(missing !== undefined)(
    "says that a person must act, and drops nothing, while there is no bucket",
    async () => {
      await using stage = await stand();
      const { door, trail } = stage;
      await trail.add("s1", 1);

      const runner = trail.runner(sinkTo("not-there", door));
      const status = await eventually("it fails", () => {
        const found = runner.status();
        return found.failure === undefined ? undefined : found;
      });

      expect(status).toMatchObject({ position: 0, behind: 4, failure: { kind: "refused" } });
      expect(status.failure?.message).toContain("NoSuchBucket");
    },
  );

  it.skipIf(missing !== undefined)(
    "goes on when a slow endpoint holds a request, for other sinks at once",
    async () => {
      await using stage = await stand();
      const { bucket, door, trail } = stage;
      await trail.add("s1", 60);
      door.faults.push("hold");
      const slow = trail.runner(sinkTo(bucket, door));
      await eventually("the slow one is asked", () => (door.requests.length > 0 ? true : undefined));

      const other = await startDoor(moto.url);
      await trail.delivered(trail.runner(sinkTo(bucket, other), { name: "other" }));
      await other.stop();

      expect(slow.status().position).toBe(0);
      await expectWhole(trail, bucket);
    },
  );

  it.skipIf(missing !== undefined)("takes an object that somebody put in a batch's place for no delivery", async () => {
    await using stage = await stand();
    const { bucket, door, trail } = stage;
    await trail.add("s1", 1);
    const [first] = await collect(trail.store.raw());
    const at = (first?.receivedTime ?? "").slice(0, 13).replaceAll(/[-T]/g, "/");
    const Key = `trail/acme/${at}/e0-0000000000000001-0000000000000004.jsonl.gz`;
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "nothing" }));

    const runner = trail.runner(sinkTo(bucket, door));
    const { failure } = await eventually("it fails", () => {
      const status = runner.status();
      return status.failure === undefined ? undefined : status;
    });

    expect(failure?.message).toContain("holds something else");
    expect(failure?.kind).toBe("refused");
  });
});
