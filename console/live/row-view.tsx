import { Component } from "preact";
import { Icon, type IconName } from "../ui/icon.tsx";
import { hazardsOf, outcomeText, outcomeTone } from "./outcome.ts";
import { isRunning, type MarkRow, type Row, type StatementRow } from "./rows.ts";
import { ForeignText } from "../ui/foreign-text.tsx";
import { SqlText } from "./sql-text.tsx";
import { countText, lengthText } from "../text/amount.ts";
import { clockText, instantText } from "../text/clock.ts";
import { oneLine } from "./visible-text.ts";

/** Characters of a statement that a row draws; no screen shows more on a line. */
const rowCharactersMax = 400;

/** What else a row tells: a short name of its session, or the person and the database. */
export type Shown = "session" | "owner";

interface RowViewProps {
  readonly row: Row;
  /** Place in the whole list, from 1. */
  readonly index: number;
  readonly domID: string;
  readonly isSelected: boolean;
  readonly shows: Shown | undefined;
}

/** One row. Drawn again only when something of it changed: hundreds go by each second. */
export class RowView extends Component<RowViewProps> {
  override shouldComponentUpdate(next: RowViewProps): boolean {
    const { row, index, isSelected, shows } = this.props;
    return next.row !== row || next.index !== index || next.isSelected !== isSelected || next.shows !== shows;
  }

  override render({ row, index, domID, isSelected, shows }: RowViewProps) {
    const isStatement = row.kind === "statement";
    const classes = [isStatement ? "statement" : `statement mark ${row.kind}`, isStatement ? outcomeTone(row) : ""];
    return (
      <div
        id={domID}
        class={classes.join(" ").trim()}
        role="row"
        aria-rowindex={index}
        aria-selected={isSelected}
        data-row={row.id}
      >
        <span class="statement-time" role="gridcell">
          {shows === "owner" ? instantText(row.time).slice(0, 19) : clockText(row.time)}
        </span>
        {shows === undefined ? null : (
          <span class={`statement-${shows}`} role="gridcell">
            {shows === "session" ? row.session.slice(0, 4) : `${row.userName} · ${row.database}`}
          </span>
        )}
        {isStatement ? <StatementCells row={row} /> : <MarkCell row={row} />}
      </div>
    );
  }
}

function StatementCells({ row }: { readonly row: StatementRow }) {
  const hazards = hazardsOf(row);
  return (
    <>
      <span class="statement-sql" role="gridcell">
        {hazards.length > 0 ? (
          <span class="hazard-mark" title={hazards.join(", ")}>
            <Icon name="warning" />
            <span class="visually-hidden">hazard: {hazards.join(", ")}. </span>
          </span>
        ) : null}
        <TransactionMark row={row} />
        {row.sql === undefined ? (
          <em class="quiet">text recorded earlier</em>
        ) : (
          <SqlText sql={oneLine(row.sql, rowCharactersMax)} />
        )}
      </span>
      <span class="statement-rows number" role="gridcell">
        {row.rows === undefined ? "" : countText(row.rows)}
      </span>
      <span class="statement-length number" role="gridcell">
        {row.durationMs === undefined ? "" : lengthText(row.durationMs)}
      </span>
      <span class="statement-outcome" role="gridcell">
        <span class="outcome-dot" aria-hidden="true" />
        <ForeignText text={outcomeText(row)} />
      </span>
    </>
  );
}

/** Says where a transaction is open or has failed. */
function TransactionMark({ row }: { readonly row: StatementRow }) {
  if (isRunning(row) || row.transaction === undefined || row.transaction === "idle") {
    return null;
  }
  const failed = row.transaction === "failed";
  const text = failed ? "the transaction has failed" : "within a transaction";
  return (
    <span class={failed ? "transaction failed" : "transaction"} title={text}>
      {failed ? "tx!" : "tx"}
      <span class="visually-hidden"> ({text}) </span>
    </span>
  );
}

const markTexts: Readonly<Record<MarkRow["kind"], string>> = {
  "session-open": "Session opened",
  "session-close": "Session closed",
  gap: "Records are missing",
};
const markIcons: Readonly<Record<MarkRow["kind"], IconName>> = {
  "session-open": "right",
  "session-close": "stop",
  gap: "warning",
};

function MarkCell({ row }: { readonly row: MarkRow }) {
  return (
    <span class="mark-text" role="gridcell" aria-colspan={4}>
      <Icon name={markIcons[row.kind]} />
      <strong>{markTexts[row.kind]}</strong>
      {row.kind === "session-open" ? (
        <span class="quiet">
          {row.userName} on {row.database} as {row.role}
        </span>
      ) : row.message === undefined ? null : (
        <span class="quiet">
          <ForeignText text={oneLine(row.message, rowCharactersMax)} />
        </span>
      )}
    </span>
  );
}
