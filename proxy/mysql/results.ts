import type { ExecutionResult, Writable } from "./execution.ts";
import type { OKReply } from "./replies.ts";

/**
 * What an answer says, for the record: `isSet` when it was a result set, `hasCursor` when its rows are yet to be fetched. Made member by
 * member: it is made for every statement, and spreading costs more than all the rest of it.
 */
export function resultOf(ok: OKReply, rows: number, isSet: boolean, hasCursor: boolean): ExecutionResult {
  const result: Writable<ExecutionResult> = { outcome: "ok" };
  if (rows > 0) {
    result.rows = rows;
  }
  if (ok.affectedRows > 0 && !isSet) {
    result.affectedRows = ok.affectedRows;
  }
  if (ok.lastInsertID !== undefined) {
    result.lastInsertID = ok.lastInsertID;
  }
  if (ok.warnings > 0) {
    result.warnings = ok.warnings;
  }
  if (ok.info !== undefined) {
    result.info = ok.info;
  }
  if (hasCursor) {
    result.suspended = true;
  }
  return result;
}
