import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { readAudit } from "./audit-options.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "audit-options-"));
  writeFileSync(path.join(folder, "url"), "postgres://audit:p%40ss@db.example.com/trail?sslrootcert=/etc/ca.pem\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const hidden = "p4ss-that-nobody-sees";

describe("the options of the audit trail", () => {
  it("keep everything in the state directory, for ever, unless they say otherwise", () => {
    expect(readAudit({}, {})).toEqual({ store: undefined, headKey: undefined, formerKeys: "", retentionMs: undefined });
  });

  it("name a shared store in a file or in the environment, verified and without a password to be seen", () => {
    const { store } = readAudit({ "audit-store-url-file": path.join(folder, "url") }, {});
    const fromEnvironment = readAudit({}, { SALLYPORT_AUDIT_STORE_URL: `postgres://a:${hidden}@[::1]:5433/t` });

    expect(store).toMatchObject({ host: "db.example.com", port: 5432, user: "audit", tls: { caFile: "/etc/ca.pem" } });
    expect(store?.password?.reveal()).toBe("p@ss");
    expect(fromEnvironment.store).toMatchObject({ host: "::1", port: 5433, tls: { caFile: undefined } });
    expect(JSON.stringify([store, fromEnvironment])).not.toMatch(/p@ss|p4ss/);
  });

  it.each([
    [`mysql://a:${hidden}@db/t`, "postgres://"],
    [`postgres://a:${hidden}@db/t?sslmode=disable`, "this machine only"],
    [`postgres://a:${hidden}@db/t?sslmode=require`, "does not verify"],
    [`postgres://a:${hidden}@db/t?host=elsewhere`, "host is not known"],
    [`postgres://a:${hidden}@db`, "missing"],
    [`postgres://:${hidden}@db/t`, "missing"],
    [`${hidden} nonsense`, "no URL"],
  ])("refuse a store that cannot be used or trusted, without showing its password: %s", (url, why) => {
    const reading = () => readAudit({}, { SALLYPORT_AUDIT_STORE_URL: url });

    expect(reading).toThrow(UserError);
    try {
      reading();
    } catch (error) {
      const shown = JSON.stringify({ ...(error as UserError), message: (error as UserError).message });
      expect((error as UserError).why).toContain(why);
      expect(shown).not.toContain(hidden);
    }
  });

  it("take a server on this machine without TLS", () => {
    const url = "postgres://a@127.0.0.1/t?sslmode=disable";

    expect(readAudit({}, { SALLYPORT_AUDIT_STORE_URL: url }).store?.tls).toBeUndefined();
  });

  it("demand one key for replicas that share a store", () => {
    const environment = { SALLYPORT_AUDIT_STORE_URL: "postgres://a@db/t" };

    expect(() => readAudit({ cluster: "true" }, environment)).toThrow("sign with one key");
    expect(readAudit({ cluster: "true", "head-key": "/keys/heads.pem" }, environment).headKey).toEqual({
      kind: "file",
      path: "/keys/heads.pem",
    });
    expect(readAudit({ cluster: "true", "leader-elect": "false" }, environment).headKey).toBeUndefined();
  });

  it("take a key of KMS by its ARN, and no alias, behind which the key could change", () => {
    const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    expect(readAudit({ "head-key": `kms:${keyARN}` }, {}).headKey).toEqual({ kind: "kms", keyARN });
    expect(() => readAudit({ "head-key": "kms:alias/heads" }, {})).toThrow("--head-key");
  });

  it.each(["0", "3654", "1.5", "-1", "10d"])('"%s" is no number of days to keep records', (text) => {
    expect(() => readAudit({ "audit-retention": text }, {})).toThrow("--audit-retention");
    expect(readAudit({ "audit-retention": "3653" }, {}).retentionMs).toBe(3_653 * 86_400_000);
  });
});
