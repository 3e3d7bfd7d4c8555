import { UserError } from "#lib/errors.ts";
import type { EntitlementList } from "#wire/control-api.ts";
import type { Invocation, World } from "../command.ts";
import { type Config, loadConfig } from "../config/config.ts";
import type { Session } from "../signin/session.ts";
import { checkApi, checkConsole } from "./api-check.ts";
import { type Finding, findingText, problemOf, skipped } from "./finding.ts";
import { checkIdentity } from "./identity-check.ts";
import { checkClients, checkPorts } from "./local-check.ts";
import { checkSsm } from "./ssm-check.ts";

/** `sallyport doctor`: looks at everything between a person and their databases, and changes nothing. Exit 0: no problem. */
export async function runDoctor({ world }: Invocation): Promise<number> {
  const findings: Finding[] = [];
  const tell = (...found: readonly Finding[]): void => {
    for (const finding of found) {
      findings.push(finding);
      if (world.output.format === "text") {
        world.output.line(finding, () => findingText(finding));
      }
    }
  };
  await examine(world, tell);
  const problems = findings.filter(({ verdict }) => verdict === "problem").length;
  if (world.output.format === "json") {
    world.output.result({ ok: problems === 0, findings }, () => "");
  } else {
    world.output.note(
      problems === 0 ? "All is well." : `${problems} ${problems === 1 ? "problem" : "problems"} found.`,
    );
  }
  return problems === 0 ? 0 : 1;
}

type Tell = (...found: readonly Finding[]) => void;

async function examine(world: World, tell: Tell): Promise<void> {
  const config = configured(world, tell);
  if (config === undefined) {
    tell(...checkClients(undefined, world));
    return;
  }
  const api = await checkApi(config, world);
  tell(...api);
  if (api[0]?.verdict !== "ok") {
    tell(skipped("identity", "nobody can be signed in to what does not answer"), ...checkClients(undefined, world));
    return;
  }
  const { session, findings } = await checkIdentity(config, world);
  try {
    tell(...findings);
    tell(...(await guarded("ssm", () => checkSsm(session, world))));
    const items = session === undefined ? undefined : await entitlements(session, world);
    tell(...(await checkPorts(items, config.url, world)), ...checkClients(items, world));
    tell(await checkConsole(config, world));
  } finally {
    session?.close();
  }
}

function configured(world: World, tell: Tell): Config | undefined {
  try {
    return loadConfig(world);
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    tell(problemOf("address", error));
    return undefined;
  }
}

/** A check that breaks off is a finding, and keeps the others from nothing. */
async function guarded(check: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    return [problemOf(check, error)];
  }
}

async function entitlements({ control }: Session, world: World): Promise<EntitlementList["items"] | undefined> {
  try {
    return (await control.get<EntitlementList>("/v1/databases", { signal: world.signal })).items;
  } catch (error) {
    if (error instanceof UserError) {
      return undefined;
    }
    throw error;
  }
}
