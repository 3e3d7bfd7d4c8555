import { readFileSync } from "node:fs";
import { writePrivateFile } from "#lib/private-file.ts";
import type { EntitlementList, GrantList, SessionList } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { cacheFile } from "../config/cache-file.ts";
import { loadConfig } from "../config/config.ts";
import { signedIn } from "../signin/signed-in.ts";
import type { Kind, Word } from "./candidates.ts";

/** Whoever types waits for this: longer, and the shell seems to hang. */
export const askMs = 300;
/** Names hardly change while somebody types one command. */
export const freshMs = 30_000;

/** Names of one installation, as they were at `time` (ms since 1970). */
export interface Known {
  readonly time: number;
  readonly databases: readonly { readonly database: string; readonly role: string }[];
  readonly grants: readonly Word[];
  readonly sessions: readonly Word[];
}

/** Words of that kind: from the cache while it is fresh, else asked for within 300 ms, else what the cache held last. Never rejects. */
export async function wordsOf(
  kind: Exclude<Kind, "files">,
  database: string | undefined,
  world: World,
): Promise<readonly Word[]> {
  const cached = readKnown(world);
  const isFresh = cached !== undefined && Math.abs(world.clock.now() - cached.time) < freshMs;
  const known = isFresh ? cached : ((await askQuickly(world)) ?? cached);
  return known === undefined ? [] : select(known, kind, database);
}

/** Words of one kind among what is known. Pure. */
export function select(known: Known, kind: Exclude<Kind, "files">, database: string | undefined): readonly Word[] {
  const ofDatabase = known.databases.filter((one) => database === undefined || one.database === database);
  switch (kind) {
    case "databases":
      return unique(known.databases.map((one) => one.database));
    case "roles":
      return unique(ofDatabase.map((one) => one.role));
    case "targets":
      return unique(known.databases.map((one) => `${one.database}:${one.role}`));
    case "grants":
    case "sessions":
      return known[kind];
  }
}

/** Asks the control API, without anybody who could sign in; remembers the answer. Undefined where it took too long. */
async function askQuickly(world: World): Promise<Known | undefined> {
  const late = new AbortController();
  const cancel = world.clock.after(askMs, () => late.abort());
  const signal = AbortSignal.any([world.signal, late.signal]);
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const asking = ask({ ...world, signal, interactive: false }).catch(() => undefined);
  try {
    const known = await Promise.race([asking, stopped]);
    if (known !== undefined) {
      writeKnown(known, world);
    }
    return known;
  } finally {
    cancel();
  }
}

function ask(world: World): Promise<Known> {
  return signedIn(world, async ({ control }) => {
    const options = { signal: world.signal };
    const [databases, own, reviews, sessions] = await Promise.all([
      control.get<EntitlementList>("/v1/databases", options),
      control.get<GrantList>("/v1/grants", options),
      control.get<GrantList>("/v1/reviews?state=waiting", options),
      control.get<SessionList>("/v1/sessions?open=true", options),
    ]);
    const isOver = new Set(["Ended", "Refused"]);
    const grants = [...own.items, ...reviews.items].filter(
      ({ grantID, state }) => grantID !== "" && !isOver.has(state),
    );
    return {
      time: world.clock.now(),
      databases: databases.items.map(({ database, role }) => ({ database, role })),
      grants: grants.map(({ grantID, userName, database, role, state }) => ({
        value: grantID,
        summary: `${userName} ${database}/${role} ${state}`,
      })),
      sessions: sessions.items.map(({ session, userName, database, role }) => ({
        value: session,
        summary: `${userName} ${database}/${role}`,
      })),
    };
  });
}

function readKnown(world: World): Known | undefined {
  try {
    const known = JSON.parse(
      readFileSync(cacheFile("completion", loadConfig(world).url, world), "utf8"),
    ) as Partial<Known>;
    const { time, databases, grants, sessions } = known;
    const isWhole = typeof time === "number" && [databases, grants, sessions].every(Array.isArray);
    return isWhole ? (known as Known) : undefined;
  } catch {
    return undefined;
  }
}

function writeKnown(known: Known, world: World): void {
  try {
    writePrivateFile(cacheFile("completion", loadConfig(world).url, world), JSON.stringify(known));
  } catch {
    // The next word is asked for again.
  }
}

function unique(values: readonly string[]): Word[] {
  return [...new Set(values)].map((value) => ({ value, summary: "" }));
}
