import { expect, it } from "vitest";
import type { AnyObject } from "#kinds/index.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import type { SpoolStatus } from "#wire/link.ts";
import { aProxy, memorySource } from "../reconcile/testing.ts";
import { type LinkedProxy, showProxies } from "./proxies.ts";
import { linesOf, valueOf } from "./testing.ts";

function show(objects: readonly AnyObject[], linked: readonly LinkedProxy[]): MetricRegistry {
  const registry = new MetricRegistry();
  showProxies(registry, { source: memorySource(objects), linked: () => linked });
  return registry;
}

function spool(more: Partial<SpoolStatus> = {}): SpoolStatus {
  const counts = { denied: 0, gaps: 0, gapRecords: 0, failedWrites: 0 };
  return { bytes: 100, bytesMax: 1_000, records: 2, oldestMs: 3_000, ...counts, ...more };
}

it("shows a Proxy without any task, the clock that is furthest off, and the sessions of all tasks", async () => {
  const linked = [{ proxyKey: "default/main", tasks: [{ skewMs: 500 }, { skewMs: -42_000 }], sessions: 7 }];
  const other = aProxy({ metadata: { name: "other" } });
  const registry = show([aProxy(), other], linked);

  expect(await valueOf(registry, 'sallyport_proxy_tasks{proxy="default/other"}')).toBe(0);
  expect(await valueOf(registry, 'sallyport_proxy_tasks{proxy="default/main"}')).toBe(2);
  expect(await valueOf(registry, 'sallyport_clock_skew_seconds{proxy="default/main"}')).toBe(-42);
  expect(await valueOf(registry, 'sallyport_clock_skew_seconds{proxy="default/other"}')).toBeUndefined();
  expect(await valueOf(registry, 'sallyport_proxy_sessions{proxy="default/main"}')).toBe(7);
});

it("shows the spools of all tasks: what they hold together, and the worst of them where one alone matters", async () => {
  const last = "2026-01-01T00:00:10.000Z";
  const tasks = [
    { skewMs: 0, audit: spool({ denied: 1, lastDenied: "2026-01-01T00:00:00.000Z", gapRecords: 5 }) },
    { skewMs: 0, audit: spool({ bytes: 900, oldestMs: 60_000, denied: 2, lastDenied: last, failedWrites: 4 }) },
    // An older proxy, that says nothing of its spool.
    { skewMs: 0 },
  ];
  const registry = show([aProxy()], [{ proxyKey: "default/main", tasks, sessions: 0 }]);

  expect(await linesOf(registry, "sallyport_proxy_spool_")).toEqual([
    'sallyport_proxy_spool_bytes{proxy="default/main"} 1000',
    'sallyport_proxy_spool_used_ratio{proxy="default/main"} 0.9',
    'sallyport_proxy_spool_records{proxy="default/main"} 4',
    'sallyport_proxy_spool_oldest_seconds{proxy="default/main"} 60',
    'sallyport_proxy_spool_denied{proxy="default/main"} 3',
    `sallyport_proxy_spool_last_denied_timestamp_seconds{proxy="default/main"} ${Date.parse(last) / 1_000}`,
    'sallyport_proxy_spool_missing_records{proxy="default/main"} 5',
    'sallyport_proxy_spool_failed_writes{proxy="default/main"} 4',
  ]);
});

it("shows no spool where none was told of", async () => {
  const registry = show([aProxy()], [{ proxyKey: "default/main", tasks: [{ skewMs: 0 }], sessions: 0 }]);

  expect(await linesOf(registry, "sallyport_proxy_spool_")).toEqual([]);
});
