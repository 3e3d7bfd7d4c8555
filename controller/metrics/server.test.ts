import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import type { AccessVerdict } from "./access.ts";
import { metricsAnswerer } from "./server.ts";

const url = new URL("http://local/metrics");

/** The status that a request with this header gets, where the token `yes` may read and `no` may not. */
async function statusOf(authorization?: string): Promise<number> {
  const verdicts: Record<string, AccessVerdict> = { yes: "allowed", no: "forbidden" };
  const answer = metricsAnswerer(new MetricRegistry(), async (token) => verdicts[token ?? ""] ?? "unauthorized");
  const headers = authorization === undefined ? {} : { authorization };
  return (await answer(url, { headers } as IncomingMessage)).status;
}

it("shows the metrics to whom it is told to, and to nobody else", async () => {
  expect(await statusOf("Bearer yes")).toBe(200);
  expect(await statusOf("bearer yes")).toBe(200);
  expect(await statusOf("Bearer no")).toBe(403);
  expect(await statusOf("Bearer other")).toBe(401);
  expect(await statusOf("Basic yes")).toBe(401);
  expect(await statusOf("Bearer yes, Bearer no")).toBe(401);
  expect(await statusOf()).toBe(401);
});

it("fails where it cannot be judged", async () => {
  const answer = metricsAnswerer(new MetricRegistry(), async () => {
    throw new Error("no API server");
  });

  await expect(answer(url, { headers: {} } as IncomingMessage)).rejects.toThrow("no API server");
});
