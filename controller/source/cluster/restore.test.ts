import { expect, it } from "vitest";
import { givenStatus } from "../contract-objects.ts";
import { restoredStatus, tombstoneOf } from "./restore.ts";

const given = givenStatus(`g${"a".repeat(26)}`);
const window = { activationTime: "2026-01-01T00:00:00Z", expiryTime: "2026-01-01T01:00:00Z", extensionCount: 1 };
const end = { reason: "Revoked", message: "", time: "2026-01-01T00:30:00Z" };

it("gives a Grant whose status is lost all that AWS remembers, and keeps what it says of itself", () => {
  expect(restoredStatus({ lastHandledReconcileAt: "x" }, { ...given, ...window })).toEqual({
    lastHandledReconcileAt: "x",
    ...given,
    ...window,
  });
});

it("never starts a clock again: the earlier window is the window", () => {
  const later = { activationTime: "2026-01-01T05:00:00Z", expiryTime: "2026-01-01T06:00:00Z", extensionCount: 0 };

  expect(restoredStatus({ ...given, ...later }, { ...given, ...window })).toMatchObject(window);
  expect(restoredStatus({ ...given, ...window }, { ...given, ...later })).toMatchObject(window);
  expect(restoredStatus(given, { ...given, ...window })).toMatchObject(window);
});

it("never takes an end back, and takes over one that only AWS knows", () => {
  expect(restoredStatus({ ...given, ...window }, { ...given, ...window, end, endTime: end.time })).toMatchObject({
    end,
  });
  const own = { ...end, reason: "Expired" };
  const both = restoredStatus({ ...given, end: own, endTime: own.time }, { ...given, end, endTime: end.time });
  expect(both.end).toEqual(own);
  expect(restoredStatus({ ...given, end, endTime: end.time }, given)).toMatchObject({ end });
});

it("keeps the name until the notAfterTime that AWS remembers, or else until the end of the window", () => {
  const key = { kind: "Grant", namespace: "team", name: "ada" } as const;
  const recovered = { key, uid: crypto.randomUUID(), status: { ...given, ...window } };
  const now = Date.parse("2026-01-01T00:10:00Z");

  expect(tombstoneOf(recovered, now)).toMatchObject({
    namespace: "team",
    name: "ada",
    notAfterTime: window.expiryTime,
  });
  const spec = { notAfterTime: "2026-02-01T00:00:00Z" };
  expect(tombstoneOf({ ...recovered, spec }, now)).toMatchObject({ uid: recovered.uid, ...spec });
});
