import { useEffect, useRef, useState } from "preact/hooks";
import type { Statistics } from "#wire/statistics.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Query } from "../api/query.ts";
import { hrefOf } from "../router/match.ts";
import { useApi } from "../session/session.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Loading } from "../ui/states.tsx";
import { SelectField } from "./filter-fields.tsx";
import type { Plot } from "./plot.ts";
import { ForeignText } from "../ui/foreign-text.tsx";
import { SqlText } from "./sql-text.tsx";
import { sessionPlace } from "./statement-detail.tsx";
import { countText, lengthText, plural } from "../text/amount.ts";
import { clockText, instantText } from "../text/clock.ts";
import { oneLine } from "./visible-text.ts";

/** Lengths of time that a chart shows, each in at most 120 bars. */
const ranges = [
  ["3600", "last hour"],
  ["21600", "last 6 hours"],
  ["86400", "last day"],
  ["604800", "last 7 days"],
] as const;
const bucketsMax = 120;

/** Statements over time, the slowest, and what failed. `filter` may say its own time. */
export function Charts({ filter }: { readonly filter: Query }) {
  const api = useApi();
  const [seconds, setSeconds] = useState("3600");
  const [statistics, setStatistics] = useState<Statistics>();
  const [problem, setProblem] = useState<Problem>();
  const hasOwnTime = filter["since"] !== undefined;
  const asked = JSON.stringify([filter, seconds]);
  useEffect(() => {
    const over = new AbortController();
    const { order: _order, text: _text, outcome: _outcome, minDurationMs: _duration, minRows: _rows, ...of } = filter;
    const range = hasOwnTime ? { buckets: bucketsMax } : rangeUntil(Date.now(), Number(seconds));
    api.get<Statistics>("/v1/audit/statistics", { ...of, ...range }, over.signal).then(
      (given) => {
        setProblem(undefined);
        setStatistics(given);
      },
      (error: unknown) => {
        if (!over.signal.aborted) {
          setProblem(asProblem(error));
        }
      },
    );
    return () => over.abort();
  }, [api, asked]);
  return (
    <section class="card charts" aria-label="Charts">
      <header class="charts-head">
        <h2>Activity</h2>
        {hasOwnTime ? null : <SelectField label="Time" value={seconds} options={ranges} onChange={setSeconds} />}
      </header>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {statistics === undefined ? (
        problem === undefined ? (
          <Loading what="charts" rows={2} />
        ) : null
      ) : (
        <ChartParts statistics={statistics} />
      )}
    </section>
  );
}

/** The last `seconds` up to the end of the present minute, in whole minutes each. */
function rangeUntil(nowMs: number, seconds: number): Query {
  const untilMs = Math.ceil(nowMs / 60_000) * 60_000;
  const since = new Date(untilMs - seconds * 1_000).toISOString();
  return { since, until: new Date(untilMs).toISOString(), buckets: Math.min(bucketsMax, seconds / 60) };
}

function ChartParts({ statistics }: { readonly statistics: Statistics }) {
  const { buckets, bucketSeconds, slowest, errors } = statistics;
  const statements = buckets.reduce((sum, bucket) => sum + bucket.statements, 0);
  const failed = buckets.reduce((sum, bucket) => sum + bucket.errors, 0);
  const per = bucketSeconds === 60 ? "per minute" : `each ${lengthText(bucketSeconds * 1_000)}`;
  return (
    <>
      <figure class="chart">
        <figcaption>
          <strong>{plural(statements, "statement")}</strong>,{" "}
          <span class="failed-count">{plural(failed, "error")}</span> <span class="quiet">({per})</span>
        </figcaption>
        <PlotView statistics={statistics} />
        <details class="chart-table">
          <summary>As a table</summary>
          <BucketTable statistics={statistics} />
        </details>
      </figure>
      <div class="chart-lists">
        <section aria-label="Slowest statements">
          <h3>Slowest</h3>
          {slowest.length === 0 ? <p class="quiet">None ended in this time.</p> : null}
          <ol class="slowest">
            {slowest.slice(0, 8).map((event) => (
              <li key={event.storeSeq}>
                <a
                  href={hrefOf(
                    sessionPlace({
                      session: event.session,
                      ...(event.statement === undefined ? {} : { statement: event.statement }),
                    }),
                  )}
                >
                  <span class="slow-length number">{lengthText(event.durationMs ?? 0)}</span>
                  <SqlText sql={oneLine(event.sql ?? "", 160)} />
                </a>
              </li>
            ))}
          </ol>
        </section>
        <section aria-label="Errors">
          <h3>Errors</h3>
          {errors.length === 0 ? <p class="quiet">None.</p> : null}
          <ol class="error-list">
            {errors.slice(0, 8).map(({ code, count, message }) => (
              <li key={code}>
                <span class="number">{countText(count)}×</span> <code>{code}</code>{" "}
                <span class="quiet">
                  <ForeignText text={oneLine(message, 120)} />
                </span>
              </li>
            ))}
          </ol>
        </section>
      </div>
    </>
  );
}

/** The same numbers for who does not see the drawing. Empty stretches are left out. */
function BucketTable({ statistics: { since, bucketSeconds, buckets } }: { readonly statistics: Statistics }) {
  const startMs = Date.parse(since);
  const shown = buckets
    .map((bucket, index) => ({ ...bucket, atMs: startMs + index * bucketSeconds * 1_000 }))
    .filter(({ statements }) => statements > 0);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Statements over time">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Statements</th>
            <th scope="col">Errors</th>
            <th scope="col">Rows</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ atMs, statements, errors, rows }) => (
            <tr key={atMs}>
              <th scope="row">{instantText(atMs).slice(0, 19)}</th>
              <td>{countText(statements)}</td>
              <td>{countText(errors)}</td>
              <td>{countText(rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The drawing. Its code comes when the first chart is shown. */
function PlotView({ statistics }: { readonly statistics: Statistics }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const latest = useRef(statistics);
  latest.current = statistics;
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return undefined;
    }
    let isGone = false;
    void import("./plot.ts").then(({ startPlot }) => {
      if (!isGone) {
        plot.current = startPlot(element, latest.current);
      }
    });
    return () => {
      isGone = true;
      plot.current?.stop();
    };
  }, []);
  useEffect(() => plot.current?.show(statistics), [statistics]);
  const { since, buckets, bucketSeconds } = statistics;
  const endMs = Date.parse(since) + buckets.length * bucketSeconds * 1_000;
  return (
    <div
      class="plot"
      ref={place}
      role="img"
      aria-label={`Statements and errors from ${clockText(since)} to ${clockText(endMs)}. The table below has the numbers.`}
    />
  );
}
