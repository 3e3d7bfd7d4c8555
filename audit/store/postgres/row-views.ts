import { headOf } from "../judge.ts";
import type { TailEntry, TaskHead } from "../types.ts";
import { flagOf, ownerOf, recordIn, type Row, statementOf, text, timeOf } from "../views.ts";

/** A record as the tail gives it. */
export function tailEntry(row: Row): TailEntry {
  const record = recordIn(row["bytes"]);
  return {
    storeSeq: Number(row["store_seq"]),
    receivedTime: timeOf(row["received"]),
    proxy: text(row["proxy"]),
    task: text(row["task"]),
    ...flagOf(row["flag"]),
    ...(record === undefined ? {} : { record }),
    ...(row["session_id"] === null ? {} : { owner: ownerOf(row) }),
    ...(row["statement_id"] === null ? {} : { statement: statementOf(row) }),
  };
}

/** Where a task's chains stand; `open` are its open sessions. */
export function taskHead(row: Row, open: readonly Row[]): TaskHead {
  return headOf(
    {
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      seq: Number(row["seq"]),
      chainSeq: Number(row["chain_seq"]),
      chainHead: row["chain_head"] === null ? null : text(row["chain_head"]),
    },
    open.map((session) => ({
      session: text(session["session"]),
      sessionSeq: Number(session["session_seq"]),
      head: text(session["head"]),
    })),
  );
}
