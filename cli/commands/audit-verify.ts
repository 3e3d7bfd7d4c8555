import { createReadStream, readFileSync } from "node:fs";
import path from "node:path";
import type { ExportScope } from "#audit/export/format.ts";
import type { ExportReport } from "#audit/export/verify.ts";
import type { Report } from "#audit/verify.ts";
import { defined } from "#lib/defined.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { VerifyReport } from "#wire/control-api.ts";
import { type Command, type Invocation, valueOf, type World } from "../command.ts";
import { linesOf } from "../control/lines.ts";
import { signedIn } from "../signin/signed-in.ts";

/** The controller reads and hashes the whole trail, and compares what is searched: some 10,000 records a second on a busy machine. */
const verifyTimeoutMs = 30 * 60_000;

/** `sallyport audit verify` */
export const auditVerify: Command = {
  name: "audit verify",
  summary: "Check that the audit trail is complete: nothing altered, removed, reordered or cut off",
  options: [
    {
      name: "state",
      value: "DIR",
      summary: "verify these state directories as one trail instead of asking the controller; one for each replica",
      repeatable: true,
    },
    {
      name: "export",
      value: "FILE",
      summary: "verify this file of `sallyport audit export` instead, offline and without trusting the controller",
    },
    {
      name: "archive",
      value: "PATH",
      summary:
        "verify what an audit sink delivered instead, offline: a file, or a directory of a file sink, of S3 objects, of logs",
      repeatable: true,
    },
    {
      name: "since",
      value: "TIME",
      summary: "with --archive: it begins then on purpose, since the sink was added then or the rest is elsewhere",
    },
    {
      name: "public-key",
      value: "FILE",
      summary:
        "the public keys that signed, PEM, as `sallyport audit public-key` gave them when you trusted it; with --state only these count",
    },
  ],
  examples: [
    { run: "sallyport audit verify", does: "exit 0 only when the trail is complete" },
    { run: "sallyport audit verify --state replica-0/ --state replica-1/", does: "what two replicas kept in turn" },
    { run: "sallyport audit verify --export trail.jsonl --public-key heads.pem", does: "an auditor's own check" },
    { run: "sallyport audit verify --archive objects/ --public-key heads.pem", does: "the same of what a sink has" },
  ],
  async run(invocation) {
    const { world } = invocation;
    assertOne(invocation);
    const file = valueOf(invocation, "export");
    if (file !== undefined) {
      return showExport(world, await exportReport(invocation, file));
    }
    const archives = valueOf(invocation, "archive");
    if (archives !== undefined) {
      return showArchive(world, invocation, archives.split(","));
    }
    const states = valueOf(invocation, "state");
    const report = states === undefined ? await askedToVerify(world) : await verified(states.split(","), invocation);
    world.output.result(report, () =>
      asLines([
        `The audit trail is ${report.verdict}: ${counted(report)}.`,
        ...report.findings.map(findingLine),
        ...unsignedLines(report),
      ]),
    );
    return report.verdict === "complete" ? 0 : 1;
  },
};

/** What was named and not looked at must not seem to be verified. */
function assertOne(invocation: Invocation): void {
  const [one, other] = ["state", "export", "archive"].filter((name) => valueOf(invocation, name) !== undefined);
  const since = valueOf(invocation, "since") !== undefined && one !== "archive";
  if (other !== undefined || since) {
    throw new UserError("InvalidOption", "it is not clear what to verify", {
      why: since ? "--since is about an archive." : `--${one} and --${other} are different things to look at.`,
      next: "Give one of --state, --export and --archive, and --since with the last alone.",
    });
  }
}

function askedToVerify(world: World): Promise<VerifyReport> {
  return signedIn(world, ({ control }) =>
    control.post<VerifyReport>("/v1/audit/verify", {}, { signal: world.signal, timeoutMs: verifyTimeoutMs }),
  );
}

async function verified(states: readonly string[], invocation: Invocation): Promise<VerifyReport> {
  const { verifyDirectories } = await import("#audit/trail-directory.ts");
  const { publicKeyGiven } = await import("../audit/public-key.ts");
  const { workingDirectory } = invocation.world;
  const directories = states.map((state) => path.resolve(workingDirectory, state));
  return viewOf(await verifyDirectories(directories, publicKeyGiven(invocation)));
}

function viewOf({ verdict, counts, findings, removed, unanchored }: Report): VerifyReport {
  const shown = findings.map(({ kind, detail, session, seq }) => ({ kind, detail, ...defined({ session, seq }) }));
  return { verdict, records: counts.records, sessions: counts.sessions, findings: shown, removed, unanchored };
}

async function exportReport(invocation: Invocation, file: string): Promise<ExportReport> {
  const { world } = invocation;
  const at = (name: string): string => path.resolve(world.workingDirectory, name);
  const keyFile = valueOf(invocation, "public-key");
  const { ExportUnreadable, verifyExport } = await import("#audit/export/verify.ts");
  try {
    const publicKey = keyFile === undefined ? undefined : readFileSync(at(keyFile), "utf8");
    return await verifyExport(linesOf(createReadStream(at(file))), publicKey);
  } catch (error) {
    if (error instanceof ExportUnreadable) {
      throw new UserError("NoExport", `${file} is no export of an audit trail`, {
        why: error.message,
        next: "Name a file that `sallyport audit export` wrote.",
        cause: error,
      });
    }
    throw new UserError("FileUnreadable", `${keyFile === undefined ? file : `${file} or ${keyFile}`} cannot be read`, {
      why: coerceError(error).message,
      next: "Name the export, and a PEM file with public keys.",
      cause: error,
    });
  }
}

/** 0 when everything that the file can prove is proven. */
function showExport({ output }: World, report: ExportReport): number {
  const { scope, proves, doesNotProve, installation, proven, lastHead } = report;
  const view = {
    ...viewOf(report),
    scope,
    installation,
    proves,
    doesNotProve,
    ...defined({ proven, lastHead }),
  };
  output.result(view, () =>
    asLines([
      `This ${whatOf(scope)} of ${installation} is ${report.verdict}: ${counted(view)}.`,
      ...view.findings.map(findingLine),
      ...unsignedLines(view),
      ...(lastHead === undefined
        ? []
        : [`  last signed head: line ${lastHead.line} of ${lastHead.time}, SHA-256 ${lastHead.sha256}`]),
      ...wordLines(report),
    ]),
  );
  const isProvenPart = report.verdict !== "broken" && proven === report.counts.records;
  return report.verdict === "complete" || isProvenPart ? 0 : 1;
}

/** 0 when it is complete up to the last signed head, from its beginning or from where it was said to begin. */
async function showArchive({ output }: World, invocation: Invocation, archives: readonly string[]): Promise<number> {
  const { archiveNotes, archiveView } = await import("../audit/archive.ts");
  const report = await archiveView(invocation, archives);
  const { installation, from, lastHeads, notSigned, repeated, otherLines, proves, doesNotProve, hint } = report;
  const { idleKeys, onlyBeginningMissing } = report;
  const view = {
    ...viewOf(report),
    ...defined({ installation, from, hint }),
    lastHeads,
    idleKeys,
    notSigned,
    repeated,
    otherLines,
    proves,
    doesNotProve,
  };
  const start = from === undefined ? "" : ` from line ${from.line} of ${from.time} on`;
  // Missing records are missing records, unless somebody says that they were never here.
  const verdict = onlyBeginningMissing
    ? `broken, or complete${start}`
    : `${report.verdict}${report.verdict === "complete" ? start : ""}`;
  const whose = installation === undefined ? "" : ` of ${installation}`;
  output.result(view, () =>
    asLines([
      `This archive${whose} is ${verdict}: ${counted(view)}.`,
      ...view.findings.map(findingLine),
      ...unsignedLines(view),
      ...archiveNotes(report),
      ...wordLines(report),
    ]),
  );
  return report.verdict === "complete" ? 0 : 1;
}

function wordLines({ proves, doesNotProve }: Pick<ExportReport, "proves" | "doesNotProve">): string[] {
  return [
    "It proves:",
    ...(proves.length === 0 ? ["  nothing"] : proves.map((sentence) => `  ${sentence}`)),
    "It does not prove:",
    ...doesNotProve.map((sentence) => `  ${sentence}`),
  ];
}

/** What the file says it is: nobody signs that, so whoever reads the verdict must see it. */
function whatOf(scope: ExportScope): string {
  switch (scope.kind) {
    case "all":
      return "audit trail";
    case "grant":
      return `part of the audit trail, grant ${scope.grantID},`;
    case "range":
      return `part of the audit trail, from ${scope.from ?? "the beginning"} to ${scope.to ?? "the end"},`;
  }
}

function counted({ records, sessions }: Pick<VerifyReport, "records" | "sessions">): string {
  return `${records} records, ${sessions} sessions`;
}

function findingLine({ kind, detail }: VerifyReport["findings"][number]): string {
  return `  ${kind}: ${detail}`;
}

/** What stands in a file or a store must not add lines of its own to the verdict. */
function asLines(lines: readonly string[]): string {
  return lines.map((line) => line.replaceAll("\n", "\\n")).join("\n");
}

/** What is not there on purpose, and what nobody vouches for. */
function unsignedLines({ removed = [], unanchored = [] }: VerifyReport): string[] {
  return [
    ...removed.map(({ proxy, task, toSeq, before, wrong }) => {
      const rest = wrong === undefined ? "" : `; ${wrong} places were not as they should be`;
      return `  removed because of their age: records 1 to ${toSeq} of ${proxy} ${task}, from before ${before}${rest}`;
    }),
    ...unanchored.map(
      ({ proxy, task, fromSeq, toSeq }) => `  not signed: records ${fromSeq} to ${toSeq} of ${proxy} ${task}`,
    ),
  ];
}
