import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { HeadFile, headsPath, readHeadLines } from "./head-place.ts";
import { HeadLog } from "./heads.ts";
import { hashLine, parseHead } from "./head-line.ts";
import { loadSigningKey } from "./signing-key.ts";
import { AuditStore } from "./store/store.ts";
import type { TaskHead } from "./store/types.ts";
import { openBody, startBody } from "./testing/bodies.ts";
import { testChain, wholeSession } from "./testing/chains.ts";
import { verify } from "./verify.ts";

let directory: string;
let clock = manualClock();
let failures: Error[] = [];

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/heads-`);
  clock = manualClock();
  failures = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

const key = () => loadSigningKey(`${directory}/key/signing.pem`);

async function openLog(): Promise<HeadLog> {
  const onFailed = (error: Error): void => void failures.push(error);
  return HeadLog.open({
    place: await HeadFile.open(`${directory}/heads`),
    signer: key(),
    installation: "test",
    clock,
    onFailed,
    intervalMs: 1_000,
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

const lines = (): Promise<string[]> => collect(readHeadLines(`${directory}/heads`));

const head = (seq: number, session: string): TaskHead => ({
  proxy: "default/main",
  task: "t1",
  seq,
  chainSeq: 1,
  chainHead: "ab".repeat(32),
  openSessions: [{ session, sessionSeq: seq, head: "cd".repeat(32) }],
});

describe("HeadLog", () => {
  it("goes on after its last line when it is read anew while heads are noted", async () => {
    const kept: string[] = [];
    const read = Promise.withResolvers<void>();
    const place = {
      async *lines() {
        const found = [...kept];
        await read.promise;
        yield* found;
      },
      append: (_number: number, line: string) => Promise.resolve(void kept.push(line)),
      close: () => Promise.resolve(),
    };
    const onFailed = (error: Error): void => void failures.push(error);
    const log = new HeadLog({ place, signer: key(), installation: "test", clock, onFailed });

    const reloading = log.reload();
    await Promise.resolve();
    log.note(head(1, "a"));
    log.note(head(2, "a"));
    read.resolve();
    await reloading;
    await log.noteNow({ ...head(1, "b"), task: "t2" });
    await log.close();

    expect(kept.map((line) => parseHead(line)?.prevLine)).toEqual([null, ...kept.slice(0, -1).map(hashLine)]);
    expect(new Set(kept.map((line) => `${parseHead(line)?.task} ${parseHead(line)?.seq}`))).toEqual(
      new Set(["t1 1", "t1 2", "t2 1"]),
    );
    expect(failures).toEqual([]);
  });

  it("signs at once, then at most once an interval, with the sessions of everything in between", async () => {
    const log = await openLog();

    log.note(head(1, "a"));
    log.note(head(2, "a"));
    log.note(head(3, "b"));
    clock.advance(999);
    const early = await log.flush().then(lines);
    log.note(head(4, "c"));
    await log.close();

    const signed = early.map(parseHead);
    expect(signed.map((one) => [one?.line, one?.seq, one?.openSessions.map(({ session }) => session)])).toEqual([
      [1, 1, ["a"]],
      [2, 3, ["a", "b"]],
    ]);
    expect(await lines()).toHaveLength(3);
  });

  it("goes on after a line whose answer was lost, be it there or not", async () => {
    const kept: string[] = [];
    let failing: "before" | "after" | undefined;
    const delays: Error[] = [];
    const log = new HeadLog({
      place: {
        lines: () => readHeadLines(`${directory}/none`),
        // As the shared store does: the line that is there already is taken again, another of its number is not.
        append: async (number, line) => {
          if (failing === "before") {
            throw new Error("no answer");
          }
          if (kept.length >= number && kept[number - 1] !== line) {
            throw new Error(`head line ${number} does not follow`);
          }
          kept[number - 1] = line;
          if (failing === "after") {
            throw new Error("no answer");
          }
        },
        close: () => Promise.resolve(),
      },
      signer: key(),
      installation: "test",
      clock,
      onFailed: (error) => void failures.push(error),
      onDelayed: (error) => void delays.push(error),
    });
    await log.reload();

    for (const [index, moment] of (["after", "before"] as const).entries()) {
      failing = moment;
      await log.noteNow(head(index * 2 + 1, "a"));
      clock.advance(1_000);
      failing = undefined;
      await log.noteNow(head(index * 2 + 2, "a"));
    }
    await log.close();

    expect(delays.map(({ message }) => message)).toEqual(["no answer", "no answer"]);
    expect(failures).toEqual([]);
    const read = kept.map(parseHead);
    expect(read.map((one) => one?.line)).toEqual(kept.map((_, index) => index + 1));
    expect(read.at(-1)?.seq).toBe(4);
    const isLinked = kept.slice(1).every((_, index) => read[index + 1]?.prevLine === hashLine(kept[index] ?? ""));
    expect(isLinked).toBe(true);
  });

  it("signs what waited when the interval is over, without another call", async () => {
    const log = await openLog();
    log.note(head(1, "a"));
    log.note(head(2, "a"));

    clock.advance(1_000);
    await log.close();

    expect((await lines()).map((line) => parseHead(line)?.seq)).toEqual([1, 2]);
  });

  it("goes on after a restart, cuts off a line that was never finished, and does not repeat itself", async () => {
    const first = await openLog();
    first.note(head(5, "a"));
    await first.close();
    appendFileSync(headsPath(`${directory}/heads`), '{"v":1,"line":2,"half');

    const second = await openLog();
    second.note(head(5, "a"));
    second.note(head(6, "a"));
    await second.close();

    const [one, two] = await lines();
    expect([parseHead(one!)?.line, parseHead(two!)?.line]).toEqual([1, 2]);
    const report = await verify({ records: [], heads: await lines(), publicKey: key().publicKeyPEM });
    expect(report.findings.map(({ kind }) => kind)).not.toContain("head-removed");
    expect(report.findings.map(({ kind }) => kind)).not.toContain("head-altered");
  });

  it("refuses to sign less than, or something else than, what it signed before", async () => {
    const log = await openLog();
    log.note(head(5, "a"));

    log.note(head(4, "a"));
    log.note({ ...head(5, "a"), chainHead: "ef".repeat(32) });
    await log.close();

    expect(failures.map(({ message }) => message)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining("signed was up to 5")),
    );
    expect(await lines()).toHaveLength(1);
  });

  it("signs later, with what came meanwhile, what could not be signed now", async () => {
    const signer = key();
    let isDown = true;
    const weak = {
      ...signer,
      sign: (bytes: Buffer) => (isDown ? Promise.reject(new Error("no answer")) : signer.sign(bytes)),
    };
    const delayed: string[] = [];
    const place = await HeadFile.open(`${directory}/heads`);
    const onFailed = (error: Error): void => void failures.push(error);
    const onDelayed = ({ message }: Error): void => void delayed.push(message);
    const log = await HeadLog.open({ place, signer: weak, installation: "test", clock, onFailed, onDelayed });

    log.note(head(1, "a"));
    await log.flush();
    isDown = false;
    log.note(head(2, "b"));
    await log.close();

    const signed = (await lines()).map(parseHead);
    expect(signed.map((one) => [one?.seq, one?.openSessions.map(({ session }) => session)])).toEqual([[2, ["a", "b"]]]);
    expect([delayed, failures]).toEqual([["no answer"], []]);
  });

  it("is written by one process at a time", async () => {
    const log = await openLog();

    await expect(openLog()).rejects.toThrow("in use");

    await log.close();
  });
});

describe("store, heads and verify together", () => {
  it("call a trail complete, also over a restart between storing and signing, and find a byte changed in the file", async () => {
    const path = `${directory}/store/audit.db`;
    const chain = testChain();
    const before = await AuditStore.open({ path, clock });
    const first = await openLog();
    first.note((await before.ingest("default/main", "t1", chain.write(...wholeSession("a", 2)))).head);
    await before.ingest("default/main", "t1", chain.write(openBody("b"), startBody("b", 1)));
    await Promise.all([before.close(), first.close()]);

    const store = await AuditStore.open({ path, clock });
    const second = await openLog();
    for (const one of await store.heads()) {
      second.note(one);
    }
    await second.flush();
    const publicKey = key().publicKeyPEM;
    const clean = await verify({ records: store.raw(), heads: await lines(), publicKey });
    const forged = collect(store.raw()).then((all) =>
      all.map((raw) => ({
        ...raw,
        bytes: Buffer.from(Buffer.from(raw.bytes).toString().replace("select 2", "select 3")),
      })),
    );
    const broken = await verify({ records: await forged, heads: await lines(), publicKey });
    second.endTask("default/main", "t1", "the task was stopped");
    await second.flush();
    const ended = await verify({ records: store.raw(), heads: await lines(), publicKey });
    await Promise.all([store.close(), second.close()]);

    expect(clean).toMatchObject({ verdict: "complete", counts: { openSessions: 1 } });
    expect(broken).toMatchObject({ verdict: "broken", findings: [{ kind: "altered", session: "a" }] });
    expect(ended.findings).toMatchObject([{ kind: "never-closed", session: "b" }]);
    expect(failures).toEqual([]);
  });
});

describe("loadSigningKey", () => {
  it("makes a key once, for its owner only, and gives the same again", () => {
    const made = key();

    expect(key().publicKeyPEM).toBe(made.publicKeyPEM);
    expect(made.publicKeyPEM).toContain("BEGIN PUBLIC KEY");
    expect(statSync(`${directory}/key/signing.pem`).mode & 0o777).toBe(0o600);
  });

  it("refuses a file that is no such key and leaves it alone", () => {
    writeFileSync(`${directory}/other.pem`, "nonsense");

    expect(() => loadSigningKey(`${directory}/other.pem`)).toThrow("holds no Ed25519 private key");
    expect(readFileSync(`${directory}/other.pem`, "utf8")).toBe("nonsense");
  });
});
