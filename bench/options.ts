import { parseArgs } from "node:util";
import { UserError } from "#lib/errors.ts";

/** What can be measured, in the order in which it is. */
export const parts = [
  "postgres",
  "bulk",
  "memory",
  "mysql",
  "connect",
  "ssm",
  "audit",
  "live",
  "cli",
  "scale",
] as const;
export type Part = (typeof parts)[number];

/** What a run covers unless it is told a part: `scale` takes half an hour of its own. */
const ordinaryParts: readonly Part[] = parts.filter((part) => part !== "scale");

/** What a quick run covers unless it is told a part: what fits into 50 s. */
const quickParts: readonly Part[] = ["postgres", "bulk", "memory"];

/** What a run covers. */
export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Within 50 s, with fewer clients and no TLS: for a look, not for a report. */
  readonly quick: boolean;
  readonly output: "text" | "json";
  /** Whether docs/performance.md is written, with what is measured in place of what it had of these parts. */
  readonly report: boolean;
  /** Folder for CPU profiles of the proxy processes. */
  readonly profile: string | undefined;
  /** Narrow the part `postgres`; empty: everything that the kind of run covers. */
  readonly only: {
    readonly protocols: readonly string[];
    readonly clients: readonly number[];
    readonly systems: readonly string[];
  };
  /** Grants of the part `scale`, a multiple of 50; undefined: as the kind of run has it. */
  readonly grants: number | undefined;
  /** Rounds of each measurement; undefined: as the kind of run has it. */
  readonly rounds: number | undefined;
}

/** Reads the command line of `npm run bench`. Throws `UserError`. */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      output: { type: "string", default: "text" },
      report: { type: "boolean", default: false },
      profile: { type: "string" },
      protocols: { type: "string", default: "" },
      clients: { type: "string", default: "" },
      systems: { type: "string", default: "" },
      rounds: { type: "string" },
      grants: { type: "string" },
    },
  });
  const chosen = positionals.map((name) => {
    const part = parts.find((known) => known === name);
    if (part === undefined) {
      throw new UserError("UnknownPart", `There is no part "${name}" of the bench.`, {
        next: `Known: ${parts.join(", ")}.`,
      });
    }
    return part;
  });
  if (values.output !== "text" && values.output !== "json") {
    throw new UserError("UnknownOutput", `There is no output "${values.output}".`, { next: "Known: text, json." });
  }
  const count = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) {
      throw new UserError("InvalidNumber", `--${name} takes whole numbers from 1 on, and "${text}" is none.`);
    }
    return value;
  };
  const list = (text: string): string[] => text.split(",").filter((item) => item !== "");
  return {
    parts: chosen.length > 0 ? chosen : values.quick ? quickParts : ordinaryParts,
    quick: values.quick,
    output: values.output,
    report: values.report || (!values.quick && chosen.length === 0),
    profile: values.profile,
    only: {
      protocols: list(values.protocols),
      clients: list(values.clients).map((text) => count("clients", text)),
      systems: list(values.systems),
    },
    rounds: values.rounds === undefined ? undefined : count("rounds", values.rounds),
    grants: values.grants === undefined ? undefined : grantCount(count("grants", values.grants)),
  };
}

/** A fifth of them is live, in two halves, over five accounts. */
function grantCount(count: number): number {
  if (count % 50 !== 0) {
    throw new UserError("InvalidNumber", `--grants takes multiples of 50, and ${count} is none.`);
  }
  return count;
}
