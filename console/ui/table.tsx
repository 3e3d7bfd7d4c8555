import type { ComponentChildren } from "preact";

/** One column of a table of `Row`s. */
export interface Column<Row> {
  /** Its heading, and beside each value at phone width. */
  readonly name: string;
  /** Only screen readers are told its heading: of a column of buttons, say. */
  readonly isNameHidden?: boolean;
  readonly kind?: "number" | "end";
  readonly cell: (row: Row) => ComponentChildren;
}

/** A table that becomes a list of cards at phone width. `caption` names it for screen readers. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}) {
  // Roles stand beside the tags, since browsers drop a table's meaning together with its layout at phone width.
  return (
    <div class="table-frame">
      <table class="table" role="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ name, kind, isNameHidden }) => (
              <th key={name} scope="col" role="columnheader" class={kind}>
                {isNameHidden === true ? <span class="visually-hidden">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row" data-row>
              {columns.map(({ name, kind, isNameHidden, cell }) => (
                <td key={name} role="cell" class={kind} data-column={isNameHidden === true ? "" : name}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
