import type { StatisticsRange, TrailStatistics } from "#audit/store/types.ts";
import { readableText } from "#audit/text.ts";
import type { Statistics } from "#wire/statistics.ts";
import { searchEventOf } from "./statement-event.ts";

/** What the store counted, with the empty buckets filled in. Pure. */
export function statisticsView(found: TrailStatistics, { from, to, bucketSeconds }: StatisticsRange): Statistics {
  const length = Math.ceil((Date.parse(to) - Date.parse(from)) / (bucketSeconds * 1_000));
  const byBucket = new Map(found.buckets.map((bucket) => [bucket.bucket, bucket]));
  return {
    since: new Date(from).toISOString(),
    bucketSeconds,
    buckets: Array.from({ length }, (_, index) => {
      const { statements, errors, rows } = byBucket.get(index) ?? { statements: 0, errors: 0, rows: 0 };
      return { statements, errors, rows };
    }),
    slowest: found.slowest.map(searchEventOf),
    errors: found.errors.map(({ code, count, message }) => ({ code, count, message: readableText(message) })),
  };
}
