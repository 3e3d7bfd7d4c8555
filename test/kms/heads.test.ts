import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HeadFile, readHeadLines } from "#audit/head-place.ts";
import { HeadLog } from "#audit/heads.ts";
import { kmsSigner } from "#audit/signing-key-kms.ts";
import { testChain, wholeSession } from "#audit/testing/chains.ts";
import { collect } from "#audit/testing/collect.ts";
import { AuditStore } from "#audit/store/store.ts";
import { verify } from "#audit/verify.ts";
import { manualClock } from "#lib/clock.ts";
import { isMissing } from "#tools/parts/part.ts";
import { sinkServers } from "#tools/parts/sinks.ts";
import { type Moto, motoCredentials, startMoto } from "../sinks/moto.ts";

const part = sinkServers();
const missing = isMissing(part) ? part.missing : undefined;
const region = "eu-central-1";

describe.skipIf(missing !== undefined)(`heads signed by KMS, as moto speaks it${missing ? `: ${missing}` : ""}`, () => {
  let moto: Moto;
  let client: KMSClient;
  let directory: string;

  beforeAll(async () => {
    if (!isMissing(part)) {
      Object.assign(process.env, motoCredentials);
      moto = await startMoto(part.file);
      client = new KMSClient({ region, endpoint: moto.url });
    }
  });
  afterAll(() => moto?.stop());
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/kms-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function newKey(KeySpec: "ECC_NIST_P256" | "RSA_2048" = "ECC_NIST_P256"): Promise<string> {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec, KeyUsage: "SIGN_VERIFY" }));
    return KeyMetadata?.Arn ?? "";
  }

  it("verify with the public key alone, and no byte of theirs can be changed", async () => {
    const signer = await kmsSigner(await newKey(), { endpoint: moto.url });
    const clock = manualClock();
    const store = await AuditStore.open({ path: `${directory}/audit.db`, clock });
    const place = await HeadFile.open(`${directory}/heads`);
    const onFailed = (error: Error): never => {
      throw error;
    };
    const log = await HeadLog.open({ place, signer, installation: "test", clock, onFailed });
    log.note((await store.ingest("default/main", "t1", testChain().write(...wholeSession("a", 2)))).head);
    await log.close();
    const lines = await collect(readHeadLines(`${directory}/heads`));
    const records = await collect(store.raw());
    await store.close();

    const report = await verify({ records, heads: lines, publicKey: signer.publicKeyPEM });
    const forged = await verify({
      records,
      heads: lines.map((line) => line.replace('"seq":6', '"seq":5')),
      publicKey: signer.publicKeyPEM,
    });

    expect(signer.publicKeyPEM).toContain("BEGIN PUBLIC KEY");
    expect(lines[0]).toContain(signer.keyID);
    expect(report).toMatchObject({ verdict: "complete", findings: [] });
    expect(forged.findings.map(({ kind }) => kind)).toContain("head-altered");
  });

  it("refuses a key that is another kind, or is not there, and says what to make", async () => {
    const endpoint = moto.url;

    await expect(kmsSigner(await newKey("RSA_2048"), { endpoint })).rejects.toMatchObject({
      code: "SigningKeyUnusable",
      why: expect.stringContaining("rsa"),
      next: expect.stringContaining("ECC_NIST_P256"),
    });
    const gone = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    await expect(kmsSigner(gone, { endpoint })).rejects.toMatchObject({ next: expect.stringContaining("kms:Sign") });
  });
});
