import type { Command } from "../command.ts";

/** `sallyport rds proxy`: databases on 127.0.0.1 for as long as their grants live. */
export const rdsProxy: Command = {
  name: "rds proxy",
  summary: "Connect to a database: asks for access if needed, then serves it on 127.0.0.1",
  positionals: ["[-- COMMAND…]"],
  options: [
    { name: "database", value: "NAME", summary: "which database; a pick list when absent" },
    { name: "role", value: "NAME", summary: "which role on it; a pick list when absent" },
    { name: "namespace", value: "NAME", summary: "namespace of the database, where several have one of that name" },
    {
      name: "target",
      value: "DATABASE[:ROLE]",
      summary:
        "one of several databases at once, each on a port of its own; NAMESPACE/DATABASE:ROLE where several have one of that name",
      repeatable: true,
    },
    {
      name: "duration",
      short: "d",
      value: "DURATION",
      summary: "how long, such as 45m or 8h (default: the workflow's)",
    },
    { name: "reason", value: "TEXT", summary: "why; kept in the audit trail" },
    {
      name: "port",
      short: "p",
      value: "PORT",
      summary:
        "local port, remembered for this database and role; free for any that is not in use, this once (default: as last time, else the database's own, else 5432 or 3306)",
    },
    { name: "yes", short: "y", summary: "do not ask for confirmation" },
    { name: "confirm", summary: "the same as --yes" },
    { name: "no-wait", summary: "do not wait for approval: ask for it and end" },
    {
      name: "exec",
      summary:
        "run the command after -- once the database can be used, with PGHOST and so on or MYSQL_HOST and so on set; its exit code is this one's",
    },
    {
      name: "print",
      value: "FORM",
      summary:
        "also print the connection as url, psql, mysql, mariadb, jdbc, dbeaver, go, python, node, env or json, on standard output",
      repeatable: true,
    },
    {
      name: "auto-extend",
      summary: "extend the grant by itself before it ends, as often as its workflow allows",
    },
    {
      name: "local-password",
      summary:
        "demand a password at the local port that is yours on this computer, so that nobody else on it can connect; programs find it in the files that are named",
    },
    { name: "show-password", summary: "with --local-password: show it in what is printed" },
    {
      name: "allow-other-users",
      summary:
        "let other users of this computer connect to the port (Linux; elsewhere only --local-password keeps them out)",
    },
    { name: "revoke-after", summary: "give the grant back at the end" },
  ],
  examples: [
    { run: "sallyport rds proxy", does: "choose from what you may use" },
    {
      run: 'sallyport rds proxy --database orders --role read_only --duration 1h --reason "INC-42" --yes',
      does: "no questions asked",
    },
    {
      run: "sallyport rds proxy --target orders:read_only --target billing:read_only",
      does: "two databases at once",
    },
    {
      run: "sallyport rds proxy --database orders --role read_only --yes --revoke-after --exec -- pg_dump -t customers",
      does: "run one command and give the access back",
    },
  ],
  run: async (invocation) => (await import("../rds/proxy.ts")).proxyDatabases(invocation),
};
