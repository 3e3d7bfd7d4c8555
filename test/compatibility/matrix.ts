import type { AuditRecord } from "#audit/record.ts";
import type { ProxyStand } from "#test/proxy/harness.ts";
import type { LinkGrant } from "#wire/link.ts";
import type { Client, Watch } from "./client.ts";
import type { Target } from "./clients/steps.ts";
import { compareSteps, type Verdict } from "./compare.ts";
import {
  committedSection,
  type KnownDifference,
  type Outcome,
  renderSection,
  type Section,
  writeSection,
} from "./document.ts";
import { openDoor } from "./door.ts";

/** Login role of people in every database of the matrix. */
export const role = "app_owner";
/** Names that occur nowhere else in what a server says, so that results can be compared. */
export const databases = { direct: "direct_db", through: "proxied_db" } as const;

/** For a client that does everything twice beside other tests on a busy machine; alone it takes seconds. Nothing timed is asserted. */
export const clientTimeoutMs = 240_000;

/** A server of the matrix, with two databases that hold the same, for clients without a proxy and for those behind it. */
export interface MatrixServer {
  readonly title: string;
  readonly engine: LinkGrant["database"]["engine"];
  readonly host: string;
  readonly port: number;
  /** Authority of its certificate, PEM. */
  readonly ca: string;
  readonly watch: Watch;
  /** Begins to look at what the server logs; the answer compares all of it since with the records of the one client that ran. */
  account(): Promise<(records: readonly AuditRecord[]) => Promise<string[]>>;
  /** Runs one statement in a session of its own. */
  mark(at: Target, sql: string): Promise<void>;
  stop(): Promise<void>;
}

/** The row of the audit trail. */
const trailStep = "every statement on record";
let clients = 0;

/** Runs a client directly and through the proxy at the same time, and compares results, log and trail. */
export async function tryClient(
  stand: ProxyStand,
  server: MatrixServer,
  client: Client,
  password: string,
): Promise<Outcome> {
  const accounts = await server.account();
  const { title, engine, host, port } = server;
  const key = "default/orders-prod";
  const database = { key, engine, host, port, databaseName: databases.through, tlsMode: "VerifyFull" } as const;
  const door = await openDoor(stand, { database });
  const name = `c${(clients += 1)}`;
  const direct = { host, port, user: role, password, database: databases.direct, name };
  const through: Target = { ...direct, port: door.port, password: "none", database: databases.through };

  const [directly, throughProxy] = await Promise.all([
    client.run(direct, server.watch),
    client.run(through, server.watch),
  ]);
  const records = await door.records((sql) => server.mark(through, sql));
  await door.stop();

  const unaccounted = await accounts(records);
  const trail: Verdict =
    unaccounted.length === 0 ? { verdict: "same" } : { verdict: "differs", why: unaccounted.join("\n") };
  const verdicts = compareSteps(directly, throughProxy, { direct, through });
  return { server: title, client: client.title, verdicts: verdicts.set(trailStep, trail) };
}

/** What is not as one would wish in an outcome, and what of that is known: a test expects them to be the same. */
export function problemsOf(outcome: Outcome, known: readonly KnownDifference[]): { found: string[]; known: string[] } {
  const spelled = (step: string, verdict: string): string => `${step}: ${verdict}`;
  return {
    found: [...outcome.verdicts].flatMap(([step, verdict]) => {
      if (verdict.verdict === "same") {
        return [];
      }
      const isKnown = known.some((one) => covers(one, outcome, step) && one.verdict === verdict.verdict);
      return [isKnown ? spelled(step, verdict.verdict) : `${spelled(step, verdict.verdict)}: ${verdict.why}`];
    }),
    known: [...outcome.verdicts.keys()].flatMap((step) => {
      const one = known.find((difference) => covers(difference, outcome, step));
      return one === undefined ? [] : [spelled(step, one.verdict)];
    }),
  };
}

function covers(known: KnownDifference, outcome: Outcome, step: string): boolean {
  const isStep = known.step === undefined ? step !== trailStep : known.step === step;
  const isClient = (known.client ?? outcome.client) === outcome.client;
  return isClient && (known.server ?? outcome.server) === outcome.server && isStep;
}

/** Throws when the committed document says something else than this run; outside CI it is then written anew. */
export function checkDocument(section: Section, outcomes: readonly Outcome[]): void {
  const steps = new Set(outcomes.flatMap(({ verdicts }) => [...verdicts.keys()]));
  const unknown = [...steps].filter((step) => !(step in section.steps));
  if (unknown.length > 0) {
    throw new Error(`steps that the document has no row for: ${unknown.join(", ")}`);
  }
  const found = renderSection(section, outcomes).trim();
  if (found === committedSection(section.title).trim()) {
    return;
  }
  if (process.env["CI"] === "true") {
    throw new Error(`docs/compatibility.md says something else than this run, which found:\n${found}`);
  }
  writeSection(section.title, found);
  throw new Error(
    "docs/compatibility.md said something else and was written anew: look at its difference and commit it",
  );
}
