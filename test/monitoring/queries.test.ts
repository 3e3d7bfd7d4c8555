import { expect, it } from "vitest";
import { define } from "#lib/metrics/definition.ts";
import { namesIn, unknownIn } from "./queries.ts";

const requests = define({ name: "a_total", type: "counter", help: "", labels: ["code"] });
const time = define({ name: "b_seconds", type: "histogram", help: "", labels: ["step"] });

it("finds metrics, the labels that select them, and those that group", () => {
  const query =
    'histogram_quantile(0.99, sum by (le, step) (rate(b_seconds_bucket{step!="x", job=~"a{b}"}[5m] offset 1h))) > 1e3 and on (job) a_total';

  expect(namesIn(query)).toEqual({
    selectors: [
      { metric: "b_seconds_bucket", labels: ["step", "job"] },
      { metric: "a_total", labels: [] },
    ],
    grouping: ["le", "step", "job"],
  });
});

it("names what is not there: metrics, parts of a histogram, labels", () => {
  expect(unknownIn('sum by (code) (a_total{code="1"})', [requests])).toEqual([]);
  expect(unknownIn("rate(a_totals[5m])", [requests])).toEqual(["a_totals"]);
  expect(unknownIn("b_seconds", [time])).toEqual(["b_seconds"]);
  expect(unknownIn("b_seconds_sum / b_seconds_count", [time])).toEqual([]);
  expect(unknownIn('a_total{cod="1"}', [requests])).toEqual(["a_total{cod}"]);
  expect(unknownIn("sum by (le) (b_seconds_sum)", [time])).toEqual(["by (le)"]);
});
