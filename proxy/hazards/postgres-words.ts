import type { Hazard } from "./hazard.ts";
import { Trigger } from "./trigger.ts";

/** Functions by what calling them does, as the server's catalog names them (PostgreSQL documentation, chapter 9 and appendix F). */
export const functionHazards: ReadonlyMap<string, Hazard> = new Map<string, Hazard>([
  ["pg_terminate_backend", "session-end"],
  ["pg_cancel_backend", "session-end"],
  ["pg_stat_get_activity", "session-read"],
  ["pg_stat_get_backend_activity", "session-read"],
  ["pg_stat_get_backend_client_addr", "session-read"],
  ["pg_stat_get_backend_client_port", "session-read"],
  ["pg_stat_statements", "session-read"],
  ["pg_stat_statements_reset", "session-read"],
  ["pg_log_backend_memory_contexts", "session-read"],
  ["pg_get_process_memory_contexts", "session-read"],
  ["pg_read_file", "server-access"],
  ["pg_read_binary_file", "server-access"],
  ["pg_ls_dir", "server-access"],
  ["pg_ls_logdir", "server-access"],
  ["lo_import", "server-access"],
  ["lo_export", "server-access"],
  ["dblink", "remote-connection"],
  ["dblink_connect", "remote-connection"],
  ["dblink_connect_u", "remote-connection"],
  ["dblink_exec", "remote-connection"],
  ["dblink_open", "remote-connection"],
  ["dblink_send_query", "remote-connection"],
]);

/** OIDs of the same, for the protocol's FunctionCall. They never change (PostgreSQL src/include/catalog/pg_proc.dat). */
export const functionOIDHazards: ReadonlyMap<number, Hazard> = new Map<number, Hazard>([
  [2096, "session-end"],
  [2171, "session-end"],
  [2022, "session-read"],
  [1940, "session-read"],
  [1392, "session-read"],
  [1393, "session-read"],
  [4543, "session-read"],
  [764, "server-access"],
  [765, "server-access"],
]);

/** OIDs of functions that run a query, or read a table or a schema, that they are given: query_to_xml and its relatives. */
export const textRunnerOIDs: ReadonlySet<number> = new Set([2923, 2924, 2927, 2929, 2930, 2933, 2935, 2936, 2938]);

/** Views that show what others run. Those of extensions may lie in any schema. */
export const catalogViews: ReadonlySet<string> = new Set(["pg_stat_activity"]);
export const extensionViews: ReadonlySet<string> = new Set(["pg_stat_statements", "pg_stat_monitor"]);

/** Functions that run a query or read a table that is given as text (PostgreSQL documentation 9.15.3, 12.4.4; tablefunc, xml2). */
export const textRunners: ReadonlySet<string> = new Set([
  "query_to_xml",
  "query_to_xmlschema",
  "query_to_xml_and_xmlschema",
  "table_to_xml",
  "table_to_xml_and_xmlschema",
  "schema_to_xml",
  "schema_to_xml_and_xmlschema",
  "database_to_xml",
  "database_to_xml_and_xmlschema",
  "ts_stat",
  "ts_rewrite",
  "crosstab",
  "crosstab2",
  "crosstab3",
  "crosstab4",
  "connectby",
  "xpath_table",
]);

/**
 * Every text with a hazard in it has one of these at the beginning of a word, whatever quotes and comments hold. Words that ordinary
 * statements lack; `U&"` may spell anything.
 */
export const postgresTrigger = new Trigger([
  { begins: "pg_", followedBy: ["stat_", "t", "cancel", "log_b", "ls_", "read_", "get_p"] },
  { begins: 'u&"' },
  { begins: "dblink" },
  { begins: "alter", isWhole: true },
  { begins: "copy", isWhole: true },
  { begins: "execute", isWhole: true },
  { begins: "prepare", isWhole: true },
  { begins: "create", isWhole: true },
  { begins: "drop", isWhole: true },
  { begins: "do", isWhole: true, notFollowedBy: ["nothing", "update"] },
  { begins: "set_config" },
  { begins: "set", isWhole: true, followedBy: ["role", "session", "local", '"', "--", "/*", "u&"] },
  { begins: "query_to_xml" },
  { begins: "table_to_xml" },
  { begins: "schema_to_xml" },
  { begins: "database_to_xml" },
  { begins: "ts_stat" },
  { begins: "ts_rewrite" },
  { begins: "crosstab" },
  { begins: "connectby" },
  { begins: "xpath_table" },
  { begins: "lo_import" },
  { begins: "lo_export" },
]);
