import { describe, expect, it } from "vitest";
import { encodeRecord } from "#audit/codec.ts";
import type { AuditRecord } from "#audit/record.ts";
import type { IngestResult } from "#audit/store/store.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { type AuditKeeping, auditSink } from "../serve/audit-trail.ts";
import { auditRecorder } from "./audit.ts";
import { linesOf, valueOf } from "./testing.ts";

const start = Date.UTC(2026, 0, 1);
const proxy = 'proxy="default/main"';

/** A sink whose store answers as the test says. */
function setUp(ingest: () => Partial<IngestResult>) {
  const clock = manualClock(start);
  const registry = new MetricRegistry();
  const store = {
    ingest: async () => ({ ackSeq: 1, stored: 0, duplicates: 0, findings: [], opened: [], flagged: [], ...ingest() }),
  };
  const keeping = { store, heads: { note() {} }, log: silentLog, proxyOfGrant: () => undefined };
  const sink = auditSink(keeping as unknown as AuditKeeping, undefined, auditRecorder(registry, clock));
  const ship = (...records: AuditRecord[]) => sink.ingest("default/main", "task", records.map(bytesOf));
  return { registry, clock, ship };
}

function bytesOf(record: AuditRecord): Buffer {
  return Buffer.from(encodeRecord(record));
}

function gap(seq: number, time: number): AuditRecord {
  const envelope = {
    v: 1,
    proxy: "default/main",
    task: "task",
    seq,
    sessionSeq: 0,
    prev: null,
    chainSeq: 1,
    chainPrev: null,
  };
  const body = { kind: "gap", count: 3, reason: "spool-full" } as const;
  return { ...envelope, ...body, time: new Date(time).toISOString() } as unknown as AuditRecord;
}

describe("metrics of the audit trail", () => {
  it("count what is stored, what does not fit, what is missing, and how late it came", async () => {
    const finding = { proxy: "default/main", task: "task", kind: "chain-mismatch", detail: "" } as const;
    const { registry, clock, ship } = setUp(() => ({ stored: 2, findings: [finding] }));
    clock.advance(10_000);

    await ship(gap(1, start), gap(2, start + 9_000));

    expect(await valueOf(registry, `sallyport_audit_records_total{${proxy}}`)).toBe(2);
    expect(await valueOf(registry, `sallyport_audit_findings_total{${proxy},kind="chain-mismatch"}`)).toBe(1);
    expect(await valueOf(registry, `sallyport_audit_gaps_total{${proxy},reason="spool-full"}`)).toBe(2);
    expect(await valueOf(registry, `sallyport_audit_lag_seconds_sum{${proxy}}`)).toBe(10);
    expect(await valueOf(registry, `sallyport_audit_batches_refused_total{${proxy}}`)).toBe(0);
  });

  it("do not count again what a proxy repeats", async () => {
    const { registry, ship } = setUp(() => ({ stored: 0, duplicates: 1 }));

    await ship(gap(1, start));

    expect(await linesOf(registry, "sallyport_audit_gaps_total{")).toEqual([]);
    expect(await linesOf(registry, "sallyport_audit_lag_seconds_sum{")).toEqual([]);
  });

  it("count a batch that is not stored, and still end its link", async () => {
    const { registry, ship } = setUp(() => {
      throw new Error("disk full");
    });

    await expect(ship(gap(1, start))).rejects.toThrow("disk full");

    expect(await valueOf(registry, `sallyport_audit_batches_refused_total{${proxy}}`)).toBe(1);
  });
});
