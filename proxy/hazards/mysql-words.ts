import { Trigger } from "./trigger.ts";

/** Schemas of the server's own, whose tables mean something by their name alone. */
export const systemSchemas: ReadonlySet<string> = new Set(["information_schema", "performance_schema", "sys", "mysql"]);

/**
 * Tables and views that show what others run, by schema (MySQL manual, "Performance Schema Table Descriptions", "sys Schema Views";
 * MariaDB documentation, "Information Schema").
 */
export const readingTables: Readonly<Record<string, ReadonlySet<string> | undefined>> = {
  information_schema: new Set(["processlist", "innodb_trx"]),
  performance_schema: new Set(["processlist", "threads", "prepared_statements_instances", "user_variables_by_thread"]),
  sys: new Set(["processlist", "x$processlist", "session", "statement_analysis", "x$statement_analysis"]),
  mysql: new Set(["general_log", "slow_log"]),
};
/** The same for families of tables, by the beginning of their names. */
export const readingPrefixes: Readonly<Record<string, readonly string[] | undefined>> = {
  performance_schema: ["events_statements_", "events_transactions_"],
  sys: [
    "statements_with_",
    "x$statements_with_",
    "innodb_lock_waits",
    "x$innodb_lock_waits",
    "schema_table_lock",
    "x$schema_table_lock",
  ],
};
/** Names that no table of an application has: read without a schema, they are the server's own. */
export const tellingTables = /^(?:processlist|innodb_trx|events_statements_\w+|events_transactions_\w+)$/;

/** Functions and procedures of MySQL's sys schema that show what others run. */
export const readingRoutines: ReadonlySet<string> = new Set([
  "ps_thread_trx_info",
  "ps_trace_thread",
  "ps_trace_statement_digest",
  "statement_performance_analyzer",
  "diagnostics",
]);

/** Procedures by which Amazon RDS lets a master user end sessions (Amazon RDS user guide, "Ending a session or query"). */
export const endingProcedures: ReadonlySet<string> = new Set(["rds_kill", "rds_kill_query", "rds_kill_query_id"]);

/** As `postgresTrigger`. */
export const mysqlTrigger = new Trigger([
  { begins: "password" },
  { begins: "alter", isWhole: true },
  { begins: "rename", isWhole: true },
  { begins: "drop", isWhole: true },
  { begins: "create", isWhole: true },
  { begins: "grant", isWhole: true },
  { begins: "default", isWhole: true },
  { begins: "role", isWhole: true },
  { begins: "global", isWhole: true },
  { begins: "persist" },
  { begins: "kill", isWhole: true },
  { begins: "rds_kill" },
  { begins: "processlist" },
  { begins: "innodb" },
  { begins: "performance_schema" },
  { begins: "events_statements" },
  { begins: "events_transactions" },
  { begins: "sys", isWhole: true },
  { begins: "general_log" },
  { begins: "slow_log" },
  { begins: "connection", isWhole: true },
  { begins: "explain", isWhole: true },
  { begins: "analyze", isWhole: true },
  { begins: "binlog", isWhole: true },
  { begins: "relaylog", isWhole: true },
  { begins: "ps_t" },
  { begins: "load", isWhole: true },
  { begins: "load_file" },
  { begins: "outfile" },
  { begins: "dumpfile" },
  { begins: "prepare", isWhole: true },
  { begins: "execute", isWhole: true },
]);
