import { expect, it } from "vitest";
import { endBody, openBody, startBody } from "../../testing/bodies.ts";
import { testChain } from "../../testing/chains.ts";
import { errorsAtOnce, statistics } from "./statistics.ts";

const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", bucketSeconds: 3_600 };
const failed = endBody("a", 1, { outcome: "error", sqlState: "42P01", message: "no such table" });
const error = testChain().write(openBody("a"), startBody("a", 1), failed)[2];

it("hold so many records of errors in memory at once, and count them all", async () => {
  const all = Array.from({ length: errorsAtOnce * 2 + 1 }, (_, index) => ({ id: index + 1, bytes: error })).reverse();
  const sizes: number[] = [];
  const rowsOf = async (sql: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> => {
    if (!sql.includes("x.bytes")) {
      return sql.includes("AS n ") ? [{ n: all.length }] : [];
    }
    const [cursor, limit] = values.slice(-2).map(Number);
    const rows = all.filter(({ id }) => id < (cursor ?? 0)).slice(0, limit);
    sizes.push(rows.length);
    return rows;
  };

  const { errors } = await statistics(rowsOf, "", {}, range);

  expect(errors).toMatchObject([{ code: "42P01", count: all.length }]);
  expect(sizes).toEqual([errorsAtOnce, errorsAtOnce, 1]);
});
