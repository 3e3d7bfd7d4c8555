/** Something that runs a query: a connection, or a pool of them. */
interface Queryable {
  query(query: {
    readonly name: string;
    readonly text: string;
    readonly values: unknown[];
  }): Promise<{ readonly rows: Record<string, unknown>[] }>;
}

const names = new Map<string, string>();
/** Texts that get a name: those of the writer, and of searches by what people commonly ask. Others are planned each time. */
const namesMax = 200;

/**
 * Runs SQL that is run again and again: its plan, which takes longer than the work of most of these, is made once for each connection
 * (postgresql.org/docs/current/sql-prepare.html).
 */
export async function prepared(
  on: Queryable,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const known = names.get(text);
  const name = known ?? (names.size < namesMax ? `audit_${names.size + 1}` : "");
  if (known === undefined && name !== "") {
    names.set(text, name);
  }
  return (await on.query({ name, text, values: [...values] })).rows;
}
