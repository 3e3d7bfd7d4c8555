import { describe, expect, test } from "vitest";
import { isDateTime } from "./date-time.ts";

describe("instants", () => {
  test.for([
    "2026-12-31T18:00:00Z",
    "2026-12-31T18:00:00.5+14:00",
    "2024-02-29T23:59:59-00:00",
    "2000-02-29T00:00:00.123Z",
  ])("%s", (text) => {
    expect(isDateTime(text)).toBe(true);
    expect(Number.isNaN(Date.parse(text))).toBe(false);
  });

  test.for([
    ..."2026-12-31 2026-12-31T18:00:00 2026-12-31T18:00Z 2026-12-31t18:00:00Z 2026-12-31T24:00:00Z 2026-02-29T00:00:00Z".split(
      " ",
    ),
    ..."1900-02-29T00:00:00Z 2026-04-31T00:00:00Z 2026-13-01T00:00:00Z 2026-00-01T00:00:00Z 2026-12-31T18:60:00Z".split(
      " ",
    ),
    ..."2026-12-31T23:59:60Z 2026-12-31T18:00:00+24:00 2026-12-31T18:00:00.1234Z 20261231T180000Z".split(" "),
    "2026-12-31 18:00:00Z",
    "2026-12-31T18:00:00Z\n",
  ])("not %j", (text) => {
    expect(isDateTime(text)).toBe(false);
  });
});
