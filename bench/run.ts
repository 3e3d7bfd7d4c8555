import { auditGoals, auditText } from "./audit-report.ts";
import { runAudit } from "./audit.ts";
import { bulkJSON, bulkRatiosOf, bulkTable } from "./bulk-report.ts";
import { runBulk } from "./bulk.ts";
import { cliGoals, cliText, runCli } from "./cli.ts";
import { connectText, runConnect } from "./connect.ts";
import { type Goal, goalRow } from "./goal.ts";
import { bulkGoals, connectGoals, memoryGoals, postgresGoals, scaleGoals } from "./goals.ts";
import { liveGoals, liveText } from "./live-report.ts";
import { runLive } from "./live.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { memoryJSON, memoryTable } from "./memory-report.ts";
import { runMemory } from "./memory.ts";
import { mysqlJSON, mysqlText } from "./mysql-report.ts";
import { runMySQL } from "./mysql.ts";
import type { BenchOptions, Part } from "./options.ts";
import { say } from "./progress.ts";
import { scaleText } from "./scale-report.ts";
import { runScale } from "./scale.ts";
import { ratiosOf } from "./postgres-ratios.ts";
import { postgresJSON, postgresTables } from "./postgres-report.ts";
import { stopSharedPostgres } from "./postgres-server.ts";
import { runPostgres } from "./postgres.ts";
import { type KeptSection, writeReport } from "./report.ts";
import { table } from "./table.ts";
import { formatTunnelBench, runTunnelBench } from "./tunnel.ts";

/** What one part found. */
export interface Section {
  /** Members of the JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  readonly goals?: readonly Goal[];
}

type Runner = (options: BenchOptions, machine: Machine) => Promise<Section[]>;

const runners: Readonly<Record<Part, Runner>> = {
  async postgres(options, { flushMicroseconds }) {
    const ratios = (await runPostgres(options)).flatMap(ratiosOf);
    return [
      { name: "postgres", title: "Postgres, plain to the server", cells: ratios.filter(({ tls }) => !tls) },
      { name: "postgresTLS", title: "Postgres, TLS to the server", cells: ratios.filter(({ tls }) => tls) },
    ].flatMap(({ name, title, cells }) =>
      cells.length === 0
        ? []
        : [
            {
              json: { [name]: postgresJSON(cells) },
              title,
              text: postgresTables(cells),
              goals: postgresGoals(cells, flushMicroseconds),
            },
          ],
    );
  },
  async bulk(options) {
    const ratios = bulkRatiosOf(await runBulk(options));
    return [{ json: { bulk: bulkJSON(ratios) }, title: "Bulk", text: bulkTable(ratios), goals: bulkGoals(ratios) }];
  },
  async memory(options) {
    const result = await runMemory(options);
    return [{ json: memoryJSON(result), title: "Memory", text: memoryTable(result), goals: memoryGoals(result) }];
  },
  async mysql(options) {
    const result = await runMySQL(options);
    const title = "MySQL and MariaDB, TLS to the server";
    return [{ json: { mysql: mysqlJSON(result) }, title, text: mysqlText(result) }];
  },
  async connect(options) {
    const result = await runConnect(options);
    const title = "Connection set-up";
    return [{ json: { connect: result }, title, text: connectText(result), goals: connectGoals(result) }];
  },
  async ssm({ quick }) {
    say("ssm: the tunnel");
    const tunnel = await runTunnelBench(quick ? { rounds: 3, mebibytes: 8, roundTrips: 200 } : {});
    return [{ json: { tunnel }, title: "SSM tunnel", text: `\`\`\`text\n${formatTunnelBench(tunnel)}\n\`\`\`` }];
  },
  async audit(options) {
    const results = await runAudit(options);
    return [{ json: { audit: results }, title: "Audit store", text: auditText(results), goals: auditGoals(results) }];
  },
  async live({ quick }) {
    const results = await runLive(quick ? "quick" : "full");
    return [{ json: { live: results }, title: "Live statements", text: liveText(results), goals: liveGoals(results) }];
  },
  async cli(options) {
    const result = await runCli(options);
    return [{ json: { cli: result }, title: "Command line", text: cliText(result), goals: cliGoals(result) }];
  },
  async scale(options) {
    const result = await runScale(options);
    return [{ json: { scale: result }, title: "Scale", text: scaleText(result), goals: scaleGoals(result) }];
  },
};

/** Runs the chosen parts and gives what to print. A run of everything writes the report too. */
export async function runBench(options: BenchOptions): Promise<string> {
  const machine = describeMachine();
  const sections: Section[] = [];
  const measured: KeptSection[] = [];
  try {
    for (const part of options.parts) {
      for (const section of await runners[part](options, machine)) {
        const { json: _, ...kept } = section;
        sections.push(section);
        measured.push({ part, section: kept });
      }
    }
  } finally {
    await stopSharedPostgres();
  }
  if (options.report) {
    writeReport(machine, measured);
    say("docs/performance.md is written");
  }
  if (options.output === "json") {
    return `${JSON.stringify(Object.assign({ machine, quick: options.quick }, ...sections.map(({ json }) => json)))}\n`;
  }
  const goals = sections.flatMap((section) => section.goals ?? []).map(goalRow);
  const goalTable = goals.length === 0 ? [] : [table([["goal", "wanted", "measured", ""], ...goals])];
  return `${[...sections.map(({ title, text }) => `## ${title}\n\n${text}`), ...goalTable].join("\n\n")}\n`;
}
