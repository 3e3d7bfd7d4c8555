import { expect, it } from "vitest";
import { encodeAuditBatch } from "#wire/link.ts";
import type { ProvenTask } from "./authenticate.ts";
import { batchesWaitingMax, Ingestion } from "./ingestion.ts";

const task = { proxyKey: "default/main", taskID: "t1" } as ProvenTask;
const batch = encodeAuditBatch([Buffer.from("record")]);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An ingestion whose store answers as `answers` say, and what it told. */
function stand(ingest: () => Promise<number>) {
  const told: string[] = [];
  let ingested = 0;
  const ingestion = new Ingestion(
    {
      acknowledged: async () => 0,
      ingest: () => {
        ingested += 1;
        return ingest();
      },
    },
    {
      stored: (seq) => told.push(`stored ${seq}`),
      failed: () => told.push("failed"),
      full: () => told.push("full"),
      roomAgain: () => told.push("room"),
    },
  );
  return { ingestion, told, ingested: () => ingested };
}

it("stores nothing after a failure, and tells of it once", async () => {
  const { ingestion, told, ingested } = stand(() => Promise.reject(new Error("disk")));

  for (let count = 0; count < 3; count += 1) {
    ingestion.take(task, batch);
  }
  await settle();
  ingestion.take(task, batch);
  await settle();

  expect(told).toEqual(["failed"]);
  expect(ingested()).toBe(1);
});

it("drops what waits when it is stopped", async () => {
  const { ingestion, told, ingested } = stand(async () => 1);
  ingestion.take(task, batch);
  ingestion.take(task, batch);

  ingestion.stop();
  await settle();

  expect({ told, ingested: ingested() }).toEqual({ told: [], ingested: 0 });
});

it("says once that it is full, and once that there is room", async () => {
  let seq = 0;
  const { ingestion, told } = stand(async () => (seq += 1));

  for (let count = 0; count < batchesWaitingMax + 2; count += 1) {
    ingestion.take(task, batch);
  }
  await settle();

  expect(told.filter((text) => !text.startsWith("stored"))).toEqual(["full", "room"]);
  expect(told.at(-1)).toBe(`stored ${batchesWaitingMax + 2}`);
  expect(told.indexOf("room")).toBeLessThan(told.length - 1);
});
