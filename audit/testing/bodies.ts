import type { SessionOpen, StatementEnd, StatementStart } from "../record.ts";

/** Record bodies for tests. */
export function openBody(session: string, extra: Partial<SessionOpen> = {}): SessionOpen {
  return {
    kind: "session.open",
    session,
    grantID: "gmztgmztgmztgmztgmztgmztgmy",
    person: { userName: "ana@example.com", userID: "u-1" },
    database: "default/orders",
    engine: "PostgreSQL",
    databaseName: "orders",
    roleName: "read_only",
    username: "ro",
    taskARN: "arn:aws:ecs:eu-west-1:111122223333:task/main/t1",
    ...extra,
  };
}

/** A simple query about to run. */
export function startBody(session: string, statement: number, extra: Partial<StatementStart> = {}): StatementStart {
  return {
    kind: "statement.start",
    session,
    statement,
    protocol: "simple",
    sql: `select ${statement}`,
    transaction: "idle",
    ...extra,
  };
}

/** Its answer. */
export function endBody(session: string, statement: number, extra: Partial<StatementEnd> = {}): StatementEnd {
  return {
    kind: "statement.end",
    session,
    statement,
    outcome: "ok",
    tag: "SELECT 1",
    rows: 1,
    bytesToClient: 60,
    bytesFromClient: 14,
    durationMs: 1.5,
    transaction: "idle",
    ...extra,
  };
}
