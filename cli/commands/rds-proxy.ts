import type { Command } from "../command.ts";

/** `sallyport rds proxy`: a database on 127.0.0.1 for as long as the grant lives. */
export const rdsProxy: Command = {
  name: "rds proxy",
  summary: "Connect to a database: asks for access if needed, then serves it on 127.0.0.1",
  options: [
    { name: "database", value: "NAME", summary: "which database; a pick list when absent" },
    { name: "role", value: "NAME", summary: "which role on it; a pick list when absent" },
    { name: "namespace", value: "NAME", summary: "namespace of the database, where several have one of that name" },
    {
      name: "duration",
      short: "d",
      value: "DURATION",
      summary: "how long, such as 45m or 8h (default: the workflow's)",
    },
    { name: "reason", value: "TEXT", summary: "why; kept in the audit trail" },
    { name: "port", short: "p", value: "PORT", summary: "local port (default: the database's own, 5432 or 3306)" },
    { name: "yes", short: "y", summary: "do not ask for confirmation" },
  ],
  examples: [
    { run: "sallyport rds proxy", does: "choose from what you may use" },
    {
      run: 'sallyport rds proxy --database orders --role read_only --duration 1h --reason "INC-42" --yes',
      does: "no questions asked",
    },
  ],
  run: async (invocation) => (await import("../rds/proxy.ts")).proxyDatabase(invocation),
};
