import { bulkJSON, bulkRatiosOf, bulkTable } from "./bulk-report.ts";
import { runBulk } from "./bulk.ts";
import { connectText, runConnect } from "./connect.ts";
import { describeMachine } from "./machine.ts";
import { memoryJSON, memoryTable } from "./memory-report.ts";
import { runMemory } from "./memory.ts";
import { mysqlJSON, mysqlText } from "./mysql-report.ts";
import { runMySQL } from "./mysql.ts";
import type { BenchOptions, Part } from "./options.ts";
import { ratiosOf } from "./postgres-ratios.ts";
import { postgresJSON, postgresTables } from "./postgres-report.ts";
import { stopSharedPostgres } from "./postgres-server.ts";
import { runPostgres } from "./postgres.ts";
import { formatTunnelBench, runTunnelBench } from "./tunnel.ts";

/** What one part found. */
export interface Section {
  /** Members of the JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
}

const runners: Readonly<Record<Part, (options: BenchOptions) => Promise<Section[]>>> = {
  async postgres(options) {
    const ratios = (await runPostgres(options)).flatMap(ratiosOf);
    const plain = ratios.filter(({ tls }) => !tls);
    const secure = ratios.filter(({ tls }) => tls);
    const sections: Section[] = [
      { json: { postgres: postgresJSON(plain) }, title: "Postgres, plain to the server", text: postgresTables(plain) },
    ];
    if (secure.length > 0) {
      const title = "Postgres, TLS to the server";
      sections.push({ json: { postgresTLS: postgresJSON(secure) }, title, text: postgresTables(secure) });
    }
    return sections;
  },
  async bulk(options) {
    const ratios = bulkRatiosOf(await runBulk(options));
    return [{ json: { bulk: bulkJSON(ratios) }, title: "Bulk", text: bulkTable(ratios) }];
  },
  async memory(options) {
    const result = await runMemory(options);
    return [{ json: memoryJSON(result), title: "Memory", text: memoryTable(result) }];
  },
  async connect(options) {
    const result = await runConnect(options);
    return [{ json: { connect: result }, title: "Connection set-up", text: connectText(result) }];
  },
  async mysql(options) {
    const result = await runMySQL(options);
    return [
      { json: { mysql: mysqlJSON(result) }, title: "MySQL and MariaDB, TLS to the server", text: mysqlText(result) },
    ];
  },
  async ssm({ quick }) {
    const tunnel = await runTunnelBench(quick ? { rounds: 3, mebibytes: 8, roundTrips: 200 } : {});
    return [{ json: { tunnel }, title: "SSM tunnel", text: `\`\`\`\n${formatTunnelBench(tunnel)}\n\`\`\`` }];
  },
};

/** Runs the chosen parts and gives what to print. */
export async function runBench(options: BenchOptions): Promise<string> {
  const machine = describeMachine();
  const sections: Section[] = [];
  try {
    for (const part of options.parts) {
      sections.push(...(await runners[part](options)));
    }
  } finally {
    await stopSharedPostgres();
  }
  if (options.output === "json") {
    return `${JSON.stringify(Object.assign({ machine, quick: options.quick }, ...sections.map(({ json }) => json)))}\n`;
  }
  return `${sections.map(({ title, text }) => `## ${title}\n\n${text}\n`).join("\n")}`;
}
