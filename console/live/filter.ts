import type { Query } from "../api/query.ts";
import type { Row } from "./rows.ts";

/** What is asked for, as it stands in the address and in the fields: empty text is no condition. */
export interface StatementFilter {
  readonly text: string;
  readonly outcome: string;
  readonly minDurationMs: string;
  readonly minRows: string;
}

/** Further conditions of a search across grants. Instants are RFC 3339. */
export interface SearchFilter extends StatementFilter {
  readonly userName: string;
  readonly database: string;
  readonly grantID: string;
  readonly session: string;
  readonly since: string;
  readonly until: string;
  readonly order: string;
}

export const noFilter: StatementFilter = { text: "", outcome: "", minDurationMs: "", minRows: "" };
export const noSearch: SearchFilter = {
  ...noFilter,
  userName: "",
  database: "",
  grantID: "",
  session: "",
  since: "",
  until: "",
  order: "",
};

/** The conditions that an address names. Numbers that are none are no condition. */
export function filterIn<T extends StatementFilter>(none: T, query: URLSearchParams): T {
  const read = ([name, absent]: [string, string]): [string, string] => {
    const value = query.get(name) ?? absent;
    return [name, name.startsWith("min") ? wholeNumber(value) : value];
  };
  return Object.fromEntries(Object.entries(none).map(read)) as unknown as T;
}

/** The query of an address or a request: conditions only. */
export function queryOf(filter: StatementFilter): Query {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
}

/** How many conditions there are. */
export function conditionsOf(filter: StatementFilter): number {
  return Object.values(filter).filter((value) => value !== "").length;
}

function wholeNumber(text: string): string {
  return /^\d{1,12}$/.test(text.trim()) ? text.trim() : "";
}

/**
 * Whether a row of a session is shown. Missing records always are: a filter must not make a trail look whole. Where sessions open and
 * close is shown only without conditions.
 */
export function matcherOf(filter: StatementFilter): (row: Row) => boolean {
  if (conditionsOf(filter) === 0) {
    return () => true;
  }
  const text = filter.text.toLowerCase();
  const { outcome } = filter;
  const minDurationMs = Number(filter.minDurationMs);
  const minRows = Number(filter.minRows);
  return (row) => {
    if (row.kind !== "statement") {
      return row.kind === "gap";
    }
    return (
      (outcome === "" || row.outcome === outcome) &&
      (filter.minDurationMs === "" || (row.durationMs ?? -1) >= minDurationMs) &&
      (filter.minRows === "" || (row.rows ?? -1) >= minRows) &&
      (text === "" || (row.sql ?? "").toLowerCase().includes(text) || (row.message ?? "").toLowerCase().includes(text))
    );
  };
}
