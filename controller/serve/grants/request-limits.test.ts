import { expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { caller, demoObjects, testServices } from "#test/serve/services.ts";
import { aGrant, aWorkflow } from "../../reconcile/testing.ts";
import { requestGrant } from "./request-grant.ts";
import { assertMayAskMore, openRequestsMax, requestsPerHourMax } from "./request-limits.ts";

const now = Date.parse("2026-01-01T12:00:00Z");
const lately = "2026-01-01T11:30:00.000Z";
const askedBy = (username: string, requestTime: string | undefined, isOver: boolean): Grant =>
  aGrant({
    spec: { requester: { username } },
    status: {
      ...(requestTime === undefined ? {} : { requestTime }),
      ...(isOver ? { end: { reason: "Revoked", message: "", time: lately } } : {}),
    } as never,
  });
const many = (count: number, grant: Grant): Grant[] => Array.from({ length: count }, () => grant);

it("so many grants of one person are open at a time, and others' do not count", () => {
  const open = many(openRequestsMax - 1, askedBy("Ada", "2025-12-01T00:00:00.000Z", false));
  const others = many(openRequestsMax, askedBy("grace", lately, false));

  expect(() => assertMayAskMore("ada", [...open, ...others], now)).not.toThrow();
  expect(() => assertMayAskMore("ada", [...open, ...open.slice(0, 1)], now)).toThrow("are not over");
});

it("a person asks so often within an hour, whatever became of it", () => {
  const over = many(requestsPerHourMax - 1, askedBy("ada", lately, true));
  const before = many(requestsPerHourMax, askedBy("ada", "2026-01-01T11:00:00.000Z", true));

  expect(() => assertMayAskMore("ada", [...over, ...before], now)).not.toThrow();
  expect(() => assertMayAskMore("ada", [...over, askedBy("ada", undefined, true)], now)).toThrow("within an hour");
});

it("one who asks for window after window is stopped before the quota of all is theirs", async () => {
  let byte = 0;
  const services = testServices([...demoObjects], { random: (bytes) => new Uint8Array(bytes).fill((byte += 1)) });
  const ask = (index: number, more: object = {}): Promise<unknown> =>
    requestGrant(
      {
        database: "orders",
        role: "read_only",
        durationSeconds: 60,
        startTime: new Date(services.clock.now() + index * 3_600_000).toISOString(),
        ...more,
      },
      caller("ada"),
      services,
    );
  for (let index = 1; index <= openRequestsMax; index += 1) {
    await ask(index);
  }

  await expect(ask(openRequestsMax + 1)).rejects.toMatchObject({ status: 429 });
  expect(await ask(openRequestsMax + 1, { dryRun: true })).toMatchObject({ change: "WillActivate" });
  expect(await ask(1)).toMatchObject({ change: "Pending" });
  // Somebody who may break the glass is let through all the same.
  services.source.put(
    aWorkflow({
      spec: {
        approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }],
        breakGlass: { subjects: [{ kind: "User", name: "ada" }] },
      },
    }),
  );
  const emergency = { urgency: "BreakGlass", reason: "INC-1", startTime: undefined };
  expect(await ask(0, emergency)).toMatchObject({ change: "Activating" });
});
