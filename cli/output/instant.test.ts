import { expect, it } from "vitest";
import { parseInstant } from "./instant.ts";

const nowMs = Date.UTC(2026, 2, 1, 12);

it.each([
  ["2026-03-01T10:20:00Z", 1, "2026-03-01T10:20:00.000Z"],
  ["2026-03-01T10:20:00+02:00", -1, "2026-03-01T08:20:00.000Z"],
  ["10m", -1, "2026-03-01T11:50:00.000Z"],
  ["1h30m", 1, "2026-03-01T13:30:00.000Z"],
] as const)("%s in direction %i is %s", (text, direction, instant) => {
  expect(parseInstant("since", text, nowMs, direction)).toBe(instant);
});

it.each(["yesterday", "2026-02-31T99:00:00Z", "10", "2026-03-01", "-10m", ""])("%j is no time", (text) => {
  expect(() => parseInstant("since", text, nowMs, -1)).toThrow("--since must be a time");
});
