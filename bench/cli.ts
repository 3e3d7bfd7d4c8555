import path from "node:path";
import { writeBundle } from "../tools/bundle.ts";
import { startCliWorld } from "./cli-world.ts";
import { type Asked, behindShim, type FirstOutput, firstOutput, onTerminal } from "./first-output.ts";
import { makeFolder } from "./folder.ts";
import type { Goal } from "./goal.ts";
import type { BenchOptions } from "./options.ts";
import { say } from "./progress.ts";
import { median, type Ratio, ratioOf } from "./statistics.ts";
import { formatNumber, formatRatio, table } from "./table.ts";

/** How long a person waits for a command, ms; medians of the rounds. */
export interface CliResult {
  readonly rounds: number;
  /** By what is run. */
  readonly waits: Readonly<Record<string, FirstOutput>>;
  /** Of our answers to those of the `aws` command line; absent where that is not installed. */
  readonly helpVsAws?: Ratio;
  readonly listVsAws?: Ratio;
}

const rounds = { full: 21, quick: 7 } as const;

const names = {
  floor: "node -e 0",
  help: "sallyport --help",
  kept: "sallyport grants list",
  signing: "sallyport grants list, signing in",
  terminalFloor: "node -e 0, on a terminal",
  terminalKept: "sallyport grants list, on a terminal",
  terminalSigning: "sallyport grants list, signing in, on a terminal",
  awsVersion: "aws --version",
  awsCall: "aws sts get-caller-identity",
  kubectl: "kubectl version --client",
} as const;

interface Entrant {
  readonly name: string;
  readonly asked: Asked;
  /** Whether it finds no sign-in of an earlier command. */
  readonly signsIn?: boolean;
  /** How often it calls the control API; anything else would be another measurement. Absent: not at all. */
  readonly calls?: number;
  readonly samples: FirstOutput[];
}

/**
 * Measures how long the program lets a person wait: the bundle, started fresh each time, in turns with the `aws` command line and kubectl. A
 * command finds the sign-in of the one before it, unless it is one that signs in in full: portal, proof and control API, which answer from
 * the bench's own process on loopback.
 */
export async function runCli({ quick }: BenchOptions): Promise<CliResult> {
  say("cli: bundling");
  const folder = makeFolder("cli");
  const directory = path.join(folder, "dist");
  await writeBundle(directory);
  await using world = await startCliWorld(folder);
  const entrants = await present(path.join(directory, "sallyport.mjs"), world.environment, world.database);
  const count = rounds[quick ? "quick" : "full"];
  say(`cli: ${count} rounds of ${entrants.map(({ name }) => name).join("; ")}`);
  // The first round fills caches of files and of compiled Python, signs in once, and does not count.
  for (let round = 0; round <= count; round += 1) {
    const first = round % entrants.length;
    for (const { name, asked, signsIn, calls = 0, samples } of [
      ...entrants.slice(first),
      ...entrants.slice(0, first),
    ]) {
      if (signsIn === true) {
        world.forgetLogin();
      }
      const before = world.calls();
      const sample = await firstOutput(asked);
      if (round > 0) {
        if (world.calls() - before !== calls) {
          throw new Error(`${name} called the control API ${world.calls() - before} times, not ${calls}`);
        }
        samples.push(sample);
      }
    }
  }
  const of = (name: string): readonly number[] =>
    entrants.find((entrant) => entrant.name === name)?.samples.map(({ answerMs }) => answerMs) ?? [];
  return {
    rounds: count,
    waits: Object.fromEntries(
      entrants.map(({ name, samples }) => [
        name,
        {
          byteMs: median(samples.map(({ byteMs }) => byteMs)),
          answerMs: median(samples.map(({ answerMs }) => answerMs)),
        },
      ]),
    ),
    ...(of(names.awsVersion).length > 0
      ? {
          helpVsAws: ratioOf(of(names.help), of(names.awsVersion)),
          listVsAws: ratioOf(of(names.kept), of(names.awsCall)),
        }
      : {}),
  };
}

/** How to sign in, a nonce, the proof, and the list; or the list alone. */
const signing = { signsIn: true, calls: 4 } as const;
const kept = { calls: 1 } as const;

/** What is run; of other people's programs those that are installed. */
async function present(
  program: string,
  environment: Readonly<Record<string, string>>,
  database: string,
): Promise<Entrant[]> {
  const node = (answer: string, ...args: string[]): Asked => ({ file: process.execPath, args, answer, environment });
  const floor = node("0", "-e", "console.log(0)");
  const list = node(database, program, "grants", "list");
  const aws = behindShim("aws");
  const others: readonly (readonly [string, Asked])[] = [
    [names.terminalFloor, onTerminal(floor)],
    [names.awsVersion, { file: aws, args: ["--version"], answer: "aws-cli", environment }],
    [names.awsCall, { file: aws, args: ["sts", "get-caller-identity"], answer: "Arn", environment }],
    [names.kubectl, { file: "kubectl", args: ["version", "--client"], answer: "Client Version", environment }],
  ];
  const installed = new Map<string, Asked>();
  for (const [name, asked] of others) {
    const isThere = await firstOutput(asked).then(
      () => true,
      () => false,
    );
    if (isThere) {
      installed.set(name, asked);
    }
  }
  const { [names.terminalFloor]: terminalFloor, ...theirs } = Object.fromEntries(installed);
  const entrants: Omit<Entrant, "samples">[] = [
    { name: names.floor, asked: floor },
    { name: names.help, asked: node("Usage", program, "--help") },
    // The one that signs in comes before those that find its sign-in, wherever a round begins.
    { name: names.signing, asked: list, ...signing },
    { name: names.kept, asked: list, ...kept },
    ...(terminalFloor === undefined
      ? []
      : [
          { name: names.terminalFloor, asked: terminalFloor },
          { name: names.terminalSigning, asked: onTerminal(list), ...signing },
          { name: names.terminalKept, asked: onTerminal(list), ...kept },
        ]),
    ...Object.entries(theirs).map(([name, asked]) => ({ name, asked: asked as Asked })),
  ];
  return entrants.map((entrant) => ({ ...entrant, samples: [] }));
}

/** What it says of them. */
export function cliText({ waits, helpVsAws, listVsAws, rounds: count }: CliResult): string {
  const rows = Object.entries(waits).map(([name, { byteMs, answerMs }]) => {
    const [command = "", ...how] = name.split(", ");
    return [[`\`${command}\``, ...how].join(", "), `${formatNumber(byteMs)} ms`, `${formatNumber(answerMs)} ms`];
  });
  return [
    `Time from starting a process to its first byte of output, and to the first byte of what was asked for (the first row of \`grants list\`), median of ${count} ` +
      'rounds in turns. A command finds the sign-in that an earlier one kept; "signing in" has none, as once in a quarter of an hour: portal, proof and ' +
      "control API, which answer at once on loopback. On a terminal the first byte of that is a line that says so.",
    table([["command", "first byte", "answer"], ...rows]),
    helpVsAws === undefined
      ? "The `aws` command line is not installed on this machine."
      : `\`${names.help}\` ÷ \`${names.awsVersion}\`: ${formatRatio(helpVsAws)}; \`${names.kept}\` ÷ \`${names.awsCall}\`: ` +
        `${formatRatio(listVsAws)}.`,
  ].join("\n\n");
}

/** A person takes what comes within this for an answer at once. */
const firstPaintMaxMs = 150;

/** What is wanted of it: an answer where nobody must be signed in, and on a terminal something to see in every case. */
export function cliGoals({ waits }: CliResult): Goal[] {
  const answers = [names.help, names.kept];
  const bytes = [names.terminalSigning, names.terminalKept].filter((name) => name in waits);
  return [
    {
      what: "First output of the command line, from the bundle",
      wanted: firstPaintMaxMs,
      is: "at most",
      unit: "ms",
      measured: [
        ...answers.map((name): [string, number] => [name, waits[name]?.answerMs ?? Number.NaN]),
        ...bytes.map((name): [string, number] => [name, waits[name]?.byteMs ?? Number.NaN]),
      ],
    },
  ];
}
