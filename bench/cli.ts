import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { Secret } from "#lib/secret.ts";
import { storeToken } from "#cli/signin/token-cache.ts";
import { startSandbox } from "#sandbox/main.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { startFakeApi } from "#test/cli/fake-api.ts";
import { testComputer } from "#test/cli/world.ts";
import { writeBundle } from "../tools/bundle.ts";
import { makeFolder } from "./folder.ts";
import type { Goal } from "./goal.ts";
import type { BenchOptions } from "./options.ts";
import { say } from "./progress.ts";
import { median, type Ratio, ratioOf } from "./statistics.ts";
import { formatNumber, formatRatio, table } from "./table.ts";

/** How long a person waits for the first byte of a command, ms; medians of the rounds. */
export interface CliResult {
  readonly rounds: number;
  /** By command line. */
  readonly firstByteMs: Readonly<Record<string, number>>;
  /** Of ours to the `aws` command line's, first byte; absent where that is not installed. */
  readonly helpVsAws?: Ratio;
  readonly listVsAws?: Ratio;
}

const rounds = { full: 21, quick: 7 } as const;

const names = {
  floor: "node -e 0",
  help: "sallyport --help",
  list: "sallyport grants list",
  awsVersion: "aws --version",
  awsCall: "aws sts get-caller-identity",
} as const;

interface Entrant {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly samples: number[];
}

/**
 * Measures the program's first output as a person meets it: the bundle, started fresh each time, in turns with the `aws` command line. `grants
 * list` signs in in full each time: portal, proof and control API, which answer from the bench's own process on loopback.
 */
export async function runCli({ quick }: BenchOptions): Promise<CliResult> {
  say("cli: bundling");
  const folder = makeFolder("cli");
  const directory = path.join(folder, "dist");
  await writeBundle(directory);
  const program = path.join(directory, "sallyport.mjs");
  await using world = await startWorld(folder);
  const aws = await hasAws(world.environment);
  const entrants: Entrant[] = [
    { name: names.floor, file: process.execPath, args: ["-e", "console.log(0)"], samples: [] },
    { name: names.help, file: process.execPath, args: [program, "--help"], samples: [] },
    { name: names.list, file: process.execPath, args: [program, "grants", "list"], samples: [] },
    ...(aws
      ? [
          { name: names.awsVersion, file: "aws", args: ["--version"], samples: [] },
          { name: names.awsCall, file: "aws", args: ["sts", "get-caller-identity"], samples: [] },
        ]
      : []),
  ];
  const count = rounds[quick ? "quick" : "full"];
  say(`cli: ${count} rounds of ${entrants.map(({ name }) => name).join(", ")}`);
  // The first round fills caches of files and of compiled Python, and does not count.
  for (let round = 0; round <= count; round += 1) {
    const first = round % entrants.length;
    for (const { file, args, samples } of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      const ms = await firstByte(file, args, world.environment);
      if (round > 0) {
        samples.push(ms);
      }
    }
  }
  const of = (name: string): readonly number[] => entrants.find((entrant) => entrant.name === name)?.samples ?? [];
  return {
    rounds: count,
    firstByteMs: Object.fromEntries(entrants.map(({ name, samples }) => [name, median(samples)])),
    ...(aws
      ? {
          helpVsAws: ratioOf(of(names.help), of(names.awsVersion)),
          listVsAws: ratioOf(of(names.list), of(names.awsCall)),
        }
      : {}),
  };
}

interface BenchWorld extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
}

/** A person's computer, signed in to the portal; what it calls answers at once. */
async function startWorld(folder: string): Promise<BenchWorld> {
  const sandbox = await startSandbox();
  const sts = { url: sandbox.url, region: sandbox.region };
  const person = { userName: "ada", userID: "u-ada", displayName: "Ada Lovelace", roles: [] };
  const api = await startFakeApi({
    "GET /v1/sign-in": () => ({
      body: {
        installation: "bench",
        startURL: sandbox.startURL,
        ssoRegion: sandbox.region,
        identityPermissionSet: "sallyport",
        identityAccountID: demoAccountID,
      },
    }),
    "POST /v1/login/nonce": () => ({ body: { nonce: "bench", installation: "bench", sts, lifeMs: 60_000 } }),
    "POST /v1/login": () => ({ body: { token: "bench", expiryTime: "2100-01-01T00:00:00Z", person } }),
    "GET /v1/grants": () => ({ body: { items: [] } }),
  });
  const home = path.join(folder, "home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  using computer = testComputer();
  const accessToken = new Secret(sandbox.portalToken("ada"));
  const expiryTime = new Date(Date.now() + 3_600_000).toISOString();
  storeToken(
    { startURL: sandbox.startURL, region: sandbox.region, accessToken, expiryTime },
    { ...computer.world, homeDirectory: home },
  );
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  return {
    environment: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      SALLYPORT_URL: api.url,
      SALLYPORT_CA_FILE: api.caFile,
      AWS_ENDPOINT_URL: sandbox.url,
      AWS_REGION: sandbox.region,
      AWS_DEFAULT_REGION: sandbox.region,
      AWS_ACCESS_KEY_ID: accessKeyID,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_PAGER: "",
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await sandbox.stop();
    },
  };
}

async function hasAws(environment: Readonly<Record<string, string>>): Promise<boolean> {
  return firstByte("aws", ["--version"], environment).then(
    () => true,
    () => false,
  );
}

/** From starting the process to its first byte on either output; then waits for its end. Rejects where it fails, or says nothing. */
async function firstByte(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const startMs = performance.now();
  const child = spawn(file, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let ms: number | undefined;
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      ms ??= performance.now() - startMs;
      said += chunk.toString();
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 || ms === undefined) {
    throw new Error(`${path.basename(file)} ${args.at(-1)} ended with ${code}: ${said.trim()}`);
  }
  return ms;
}

/** What it says of them. */
export function cliText({ firstByteMs, helpVsAws, listVsAws, rounds: count }: CliResult): string {
  const rows = Object.entries(firstByteMs).map(([name, ms]) => [`\`${name}\``, `${formatNumber(ms)} ms`]);
  return [
    `Time from starting a process to its first byte of output, median of ${count} rounds in turns. \`grants list\` signs in in full each ` +
      "time: portal, proof and control API, which answer at once on loopback.",
    table([["command", "first output"], ...rows]),
    helpVsAws === undefined
      ? "The `aws` command line is not installed on this machine."
      : `\`${names.help}\` ÷ \`${names.awsVersion}\`: ${formatRatio(helpVsAws)}; \`${names.list}\` ÷ \`${names.awsCall}\`: ` +
        `${formatRatio(listVsAws)}.`,
  ].join("\n\n");
}

/** A person takes what comes within this for an answer at once. */
const firstPaintMaxMs = 150;

/** What is wanted of it. */
export function cliGoals({ firstByteMs }: CliResult): Goal[] {
  return [
    {
      what: "First output of the command line, from the bundle",
      wanted: firstPaintMaxMs,
      is: "at most",
      unit: "ms",
      measured: [names.help, names.list].map((name) => [name, firstByteMs[name] ?? Number.NaN]),
    },
  ];
}
