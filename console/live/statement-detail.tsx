import type { ComponentChildren } from "preact";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Notice } from "../ui/notice.tsx";
import { hrefOf } from "../router/match.ts";
import { hazardsOf, outcomeText, outcomeTone } from "./outcome.ts";
import type { Row, StatementRow } from "./rows.ts";
import { ForeignText } from "../ui/foreign-text.tsx";
import { SqlText } from "./sql-text.tsx";
import { bytesText, countText, lengthText, plural } from "../text/amount.ts";
import { instantText } from "../text/clock.ts";
import { WholeText } from "./whole-text.tsx";

/** Everything that is recorded of one row. `linksSession`: leads to its session. */
export function StatementDetail({
  row,
  linksSession,
  onClose,
}: {
  readonly row: Row;
  readonly linksSession?: boolean;
  readonly onClose: () => void;
}) {
  const title = row.kind === "statement" ? `Statement ${row.statement}` : "Record";
  return (
    <aside class="detail" aria-label={title}>
      <header class="detail-head">
        <h3>{title}</h3>
        {row.kind === "statement" ? (
          <Badge tone={outcomeTone(row)}>
            <ForeignText text={outcomeText(row)} />
          </Badge>
        ) : null}
        <Button kind="quiet" size="small" icon="cross" label="Close the details" onPress={onClose} />
      </header>
      {row.kind === "statement" ? <StatementParts key={row.key} row={row} /> : null}
      <dl class="detail-facts">
        <Fact name={row.kind === "statement" ? "Began" : "At"}>
          <time dateTime={row.time}>{instantText(row.time)}</time>
        </Fact>
        {row.kind === "statement" ? <StatementFacts row={row} /> : null}
        {row.kind !== "statement" && row.message !== undefined ? (
          <Fact name="Says">
            <ForeignText text={row.message} />
          </Fact>
        ) : null}
        <Fact name="Person">{row.userName}</Fact>
        <Fact name="Database">
          {row.database} as {row.role}
        </Fact>
        <Fact name="Session">
          {linksSession === true ? (
            <a href={hrefOf(sessionPlace(row))}>{row.session.slice(0, 8)}</a>
          ) : (
            <code>{row.session.slice(0, 8)}</code>
          )}
        </Fact>
      </dl>
    </aside>
  );
}

/** The page of a row's session, at that row. */
export function sessionPlace(row: Pick<StatementRow, "session"> & { readonly statement?: number }): string {
  const at = row.statement === undefined ? "" : `?statement=${row.statement}`;
  return `/sessions/${encodeURIComponent(row.session)}${at}`;
}

function StatementParts({ row }: { readonly row: StatementRow }) {
  const hazards = hazardsOf(row);
  return (
    <>
      {hazards.length === 0 ? null : (
        <Notice tone="warning" title={row.notices?.includes("refused") === true ? "Refused: hazard" : "Hazard"}>
          <p>{hazards.join(", ")}</p>
        </Notice>
      )}
      {row.message === undefined || row.message === "" ? null : (
        <Notice tone={row.outcome === "ok" ? "neutral" : "bad"} title="The database said">
          <p class="foreign">
            <ForeignText text={row.message} />
          </p>
        </Notice>
      )}
      <div class="sql-block">
        {row.sql === undefined ? (
          <p class="quiet">Its text was recorded before this view begins. Load earlier statements to see it.</p>
        ) : (
          <>
            <pre tabIndex={0} aria-label="SQL">
              <SqlText sql={row.sql} />
            </pre>
            <CopyButton text={row.sql} what="SQL" />
          </>
        )}
      </div>
      {row.sqlText === undefined ? null : <WholeText session={row.session} text={row.sqlText} />}
      <Parameters row={row} />
    </>
  );
}

function Parameters({ row }: { readonly row: StatementRow }) {
  const { parameters = [], parametersOmitted = 0 } = row;
  if (parameters.length === 0 && parametersOmitted === 0) {
    return null;
  }
  return (
    <section class="parameters" aria-label="Parameters">
      <h4>Parameters</h4>
      {parametersOmitted === 0 ? null : (
        <p class="quiet">
          {plural(parametersOmitted, "value is", "values are")} left out, as the database's policy says.
        </p>
      )}
      <ol>
        {parameters.map((value, index) => (
          <li key={index}>
            {value === null ? (
              <em>null</em>
            ) : (
              <code>
                <ForeignText text={value} />
              </code>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function StatementFacts({ row }: { readonly row: StatementRow }) {
  const { endTime, durationMs, rows, tag, sqlState, transaction, redacted = 0, sqlText } = row;
  const notices = (row.notices ?? []).filter((notice) => !notice.startsWith("hazard:") && notice !== "refused");
  return (
    <>
      {endTime === undefined ? null : (
        <Fact name="Ended">
          <time dateTime={endTime}>{instantText(endTime)}</time>
        </Fact>
      )}
      {durationMs === undefined ? null : <Fact name="Took">{lengthText(durationMs)}</Fact>}
      {rows === undefined ? null : <Fact name="Rows">{countText(rows)}</Fact>}
      {tag === undefined || tag === "" ? null : <Fact name="Tag">{tag}</Fact>}
      {sqlState === undefined ? null : <Fact name="SQLSTATE">{sqlState}</Fact>}
      {transaction === undefined ? null : <Fact name="Transaction">{transactionTexts[transaction]}</Fact>}
      {redacted === 0 ? null : <Fact name="Redacted">{plural(redacted, "secret")} taken out</Fact>}
      {sqlText === undefined ? null : <Fact name="Whole text">{bytesText(sqlText.bytes)}</Fact>}
      {notices.length === 0 ? null : <Fact name="Noticed">{notices.join(", ")}</Fact>}
    </>
  );
}

const transactionTexts = { idle: "none open after it", transaction: "open after it", failed: "failed" } as const;

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
