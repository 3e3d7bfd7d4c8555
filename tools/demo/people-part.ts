import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { GrantView, Me, SessionList } from "#wire/control-api.ts";
import type { BrowserSession } from "#wire/sign-in.ts";
import { type Installation, signInDirectly } from "#test/harness/installation.ts";
import { freePort } from "#test/harness/postgres.ts";
import { ended, eventually, type SallyportProcess, startSallyport, within } from "#test/harness/process.ts";
import { versionOf } from "#tools/parts/command.ts";
import { awsViewer } from "./aws-view.ts";
import { demoBrowser } from "./browser.ts";
import { fourEyes, fourEyesName } from "./four-eyes.ts";
import type { Hand } from "./hand.ts";
import { type PersonCli, personCli } from "./person-cli.ts";
import type { Screen } from "./screen.ts";
import { loggedStatements } from "./server-log.ts";
import type { Story } from "./story.ts";

const accountID = "111122223333";
/** Who asks, who decides (an administrator), who has nothing to do with it, who reads the record. */
const [asker, approver, stranger, auditor] = ["ada", "grace", "linus", "margaret"] as const;
const role = "app_owner";
const question = "select status, count(*) from orders group by status order by 2 desc limit 2";
const slowQuestion = "select pg_sleep(300)";

/** What the steps share. */
interface Telling {
  readonly installation: Installation;
  readonly hand: Hand;
  readonly story: Story;
  readonly screen: Screen;
  readonly cli: PersonCli;
}

/** Access that one person asks for and another decides on, all by their own command lines. Ada and margaret are signed in already. */
export async function tellPeople(installation: Installation, hand: Hand, story: Story, screen: Screen): Promise<void> {
  const told: Telling = { installation, hand, story, screen, cli: personCli(installation, screen) };
  const loggedBefore = logged(installation).length;
  screen.title("Some access takes a second person");
  const grantID = await askForAccess(told);
  await refuseOthers(told, grantID);
  const tail = installation.run(auditor, ["audit", "tail", "--grant", grantID, "--after", "0"], (line) =>
    screen.quote("audit", line),
  );
  await approve(told, grantID, tail);
  screen.title("It is watched, cut, lengthened and given back");
  await killSession(told, grantID, tail);
  await extendAndEnd(told, grantID);
  tail.kill("SIGINT");
  await ended(tail);
  screen.title("An auditor takes the record home");
  await proveOffline(told, grantID, logged(installation).slice(loggedBefore));
  screen.title("The console opens by a link that works once");
  await openConsole(told, grantID);
}

/** What Postgres logged of the role, without what the proxy itself asks on its way to end a backend. */
function logged({ postgres }: Installation): string[] {
  return loggedStatements(postgres.logFile, role).filter(
    (sql) => !/^select pg_catalog\.pg_(?:backend_pid|terminate_backend)\(/.test(sql),
  );
}

async function askForAccess({ installation, hand, story, screen, cli }: Telling): Promise<string> {
  await story.step(`${approver} and ${stranger} sign in, too`, async () => {
    await Promise.all([approver, stranger].map((who) => signInDirectly(installation, who)));
  });
  await story.step(hand.setsPolicy(fourEyesName), async () => {
    await hand.setPolicy(fourEyesName, fourEyes);
    const said = await eventually("owning orders takes an approval", async () => {
      const text = await cli.quietly(asker, "request", "orders", role, "--dry-run", "--reason", "INC-43");
      return text.includes("will require approval") ? text : undefined;
    });
    screen.quote(asker, "$ sallyport request orders app_owner --dry-run --reason INC-43");
    screen.quote(asker, said.split("\n")[0] ?? "");
  });
  return story.step(`${asker} asks`, async () => {
    const said = await cli.succeed(asker, "request", "orders", role, "--reason", "INC-43: fix a price", "--yes");
    const grantID = /^(g[a-z2-7]{26}): /m.exec(said)?.[1] ?? "";
    const view = await awsViewer(installation.sandbox, accountID).find(grantID);
    const nothing = grantID !== "" && view === undefined;
    story.prove("asking gives nothing yet", nothing, `no permission set ${grantID} in Identity Center`);
    return grantID;
  });
}

async function refuseOthers({ story, cli, installation }: Telling, grantID: string): Promise<void> {
  await story.step("nobody approves their own request, and strangers do not even see it", async () => {
    const own = await cli.run(asker, "approve", grantID, "--yes");
    const other = await cli.run(stranger, "approve", grantID, "--yes");
    const view = await awsViewer(installation.sandbox, accountID).find(grantID);
    const isRefused = own.code === 1 && other.code === 1 && view === undefined;
    story.prove("who may not approve is refused", isRefused, `${asker} and ${stranger}; still nothing in AWS`);
  });
}

async function approve(told: Telling, grantID: string, tail: SallyportProcess): Promise<void> {
  const { installation, hand, story, cli } = told;
  const psql = await story.step(`${asker} starts a command that waits for the approval`, async () => {
    const command = cli.start(asker, ...(await proxyCommand(question)));
    await says(command, "approv");
    return command;
  });
  await story.step(`${approver} sees it waiting, and ${hand.approves}`, async () => {
    await cli.succeed(approver, "reviews");
    if (hand.approve === undefined) {
      const comment = ["--comment", "this price only", "--yes"];
      await cli.succeed(approver, "approve", grantID, ...comment);
    } else {
      await hand.approve(grantID, approver);
    }
  });
  await story.step("AWS follows, and the command runs by itself", async () => {
    const code = await ended(psql, 40_000);
    const view = await awsViewer(installation.sandbox, accountID).find(grantID);
    const user = [...installation.sandbox.state.people.values()].find(({ userName }) => userName === asker);
    const isHers = code === 0 && user !== undefined && view?.assignedTo.join() === user.userID;
    story.prove("approved access reaches AWS", isHers, `${view?.permissionSetARN ?? "nothing"}, ${asker}'s alone`);
    const ran = logged(installation).includes(question);
    story.prove("her command ran in the database", ran, "exit 0, and Postgres logged its statement");
    await says(tail, "✔ ok  SELECT 2");
  });
}

async function killSession(told: Telling, grantID: string, tail: SallyportProcess): Promise<void> {
  const { installation, story, cli } = told;
  const backends = async (): Promise<number> => {
    const sql = "select 1 from pg_stat_activity where usename = $1 and query = $2 and state = 'active'";
    return (await installation.postgres.query(sql, [role, slowQuestion])).length;
  };
  const running = await story.step(`${asker} runs a query that goes on for long, seen live`, async () => {
    const command = cli.start(asker, ...(await proxyCommand(slowQuestion)));
    await says(tail, slowQuestion);
    await eventually("it runs in the database", async () => ((await backends()) === 1 ? true : undefined));
    return command;
  });
  await story.step(`${approver} ends that session, and says why`, async () => {
    const list = await cli.quietly(approver, "sessions", "list", "--grant", grantID, "--open", "-o", "json");
    const [session] = (JSON.parse(list) as SessionList).items;
    const kill = ["sessions", "kill", session?.session.slice(0, 12) ?? "", "--reason", "it holds a lock"];
    await cli.succeed(approver, ...kill);
    const gone = (await backends()) === 0;
    story.prove("one session is killed", gone, "its backend is gone from pg_stat_activity; the grant goes on");
    await ended(running);
    const told = running.lines.find((line) => line.includes("it holds a lock"));
    story.prove("the person is told by whom and why", told !== undefined, told ?? "nothing");
    await says(tail, `session ${session?.session.slice(0, 8)} closed`);
  });
}

async function extendAndEnd({ installation, story, cli }: Telling, grantID: string): Promise<void> {
  await story.step(`${asker} needs half an hour more, once, as the policy allows`, async () => {
    const before = JSON.parse(await cli.quietly(asker, "grants", "get", grantID, "-o", "json")) as GrantView;
    const said = await cli.succeed(asker, "extend", grantID);
    const again = await cli.run(asker, "extend", grantID);
    const end = / ends at (\S+Z)/.exec(said)?.[1] ?? "";
    const minutes = (Date.parse(end) - Date.parse(before.expiryTime ?? "")) / 60_000;
    story.prove("extended as the policy allows", minutes === 30 && again.code === 1, "by 30 minutes, and not twice");
  });
  await story.step(`${asker} gives it back, and AWS has nothing left of it`, async () => {
    await cli.succeed(asker, "revoke", grantID, "--reason", "price is fixed");
    const viewer = awsViewer(installation.sandbox, accountID);
    const isGone = async (): Promise<true | undefined> =>
      (await viewer.find(grantID)) === undefined ? true : undefined;
    await Promise.all([
      eventually("the permission set is gone", isGone, 60_000, 1_000),
      cli.quietly(asker, "wait", grantID, "--for", "ended", "--timeout", "30s"),
    ]);
    story.prove("given back early", true, `no permission set ${grantID}`);
  });
}

/** What must be on record of the grant, besides its statements. */
const eventsOfGrant = [
  ...["requested", "approved", "activated", "extended", "ended"].map((what) => `grant.${what}`),
  "session.killed",
];

async function proveOffline(told: Telling, grantID: string, statements: readonly string[]): Promise<void> {
  const { installation, story, screen, cli } = told;
  const root = path.dirname(installation.folder);
  const [file, keys] = [path.join(root, "trail.jsonl"), path.join(root, "heads.pem")];
  // As on a computer that knows no Sallyport and no AWS: nothing but the program and the two files.
  const verify = async (name: string): Promise<{ code: number; said: string[] }> => {
    const args = ["audit", "verify", "--export", name, "--public-key", keys];
    const command = startSallyport(args, { HOME: root }, { cwd: root });
    return { code: await ended(command), said: [...command.lines] };
  };
  await story.step(`${auditor} exports the trail; it verifies offline by the public key alone`, async () => {
    writeFileSync(keys, `${await cli.quietly(auditor, "audit", "public-key")}\n`);
    const said = await eventually("the exported trail is complete", async () => {
      await cli.quietly(auditor, "audit", "export", "--to", file);
      const { code, said } = await verify(file);
      return code === 0 && said[0]?.includes(" is complete: ") === true ? said[0] : undefined;
    });
    screen.quote(auditor, "$ sallyport audit export --to trail.jsonl");
    screen.quote(auditor, "$ sallyport audit verify --export trail.jsonl --public-key heads.pem");
    screen.quote(auditor, said);
    story.prove("the export verifies offline", true, said);
  });
  await story.step("it holds who asked, decided, cut and ended, and what Postgres itself logged", async () => {
    const lines = readFileSync(file, "utf8").split("\n");
    const ofGrant = lines.filter((line) => line.includes(grantID));
    const missing = [
      ...eventsOfGrant.filter((event) => !ofGrant.some((line) => line.includes(`"${event}"`))),
      ...statements.filter((sql) => !lines.some((line) => line.includes(JSON.stringify(sql)))),
    ];
    const isWhole = statements.length === 2 && missing.length === 0;
    const found = `${eventsOfGrant.length} events of the grant, ${statements.length} statements logged by Postgres`;
    story.prove("it tells the whole story", isWhole, isWhole ? found : `not in the export: ${missing.join("; ")}`);
  });
  await story.step("one changed word is found", async () => {
    const forged = path.join(root, "forged.jsonl");
    writeFileSync(forged, readFileSync(file, "utf8").replace("price is fixed", "price is wrong"));
    const { code, said } = await verify(forged);
    screen.quote(auditor, said.slice(0, 2).join(" "));
    story.prove("a forged export is broken", code === 1, said[0] ?? "");
  });
}

async function openConsole({ installation, story, screen, cli }: Telling, grantID: string): Promise<void> {
  await story.step(`${approver} opens the console`, async () => {
    const url = await cli.quietly(approver, "console", "--print");
    const [address = "", code = ""] = url.split("#code=");
    screen.quote(approver, "$ sallyport console");
    screen.quote(approver, `${address}#code=…`);
    const browser = demoBrowser(installation);
    const page = await browser.open(address);
    const policy = String(page.headers["content-security-policy"]);
    const isPage = page.status === 200 && page.body.includes("<html") && policy.includes("default-src 'none'");
    story.prove("the console is served", isPage, `${address}, under a strict content security policy`);
    const before = await browser.fetch("/v1/me");
    const redeemed = await browser.fetch("/console/session", { code });
    const me = await browser.fetch("/v1/me");
    const again = await demoBrowser(installation).fetch("/console/session", { code });
    const person = (JSON.parse(me.body) as Me).userName;
    const isSignedIn = before.status === 401 && person === approver && again.status === 401;
    story.prove("the link signs in once", isSignedIn, `${person}; the second use is refused (${again.status})`);
    const { expiryTime } = JSON.parse(redeemed.body) as BrowserSession;
    const seen = await browser.fetch(`/v1/grants/${grantID}`);
    const view = JSON.parse(seen.body) as GrantView;
    const shown = seen.status === 200 && view.state === "Ended";
    story.prove("the browser sees the grant", shown, `${view.state}; its session ends at ${expiryTime}`);
  });
}

/** `rds proxy` around one query: psql where there is one, else a client of the same standing. */
async function proxyCommand(sql: string): Promise<string[]> {
  const client =
    versionOf("psql") === undefined
      ? [process.execPath, path.join(import.meta.dirname, "query.ts"), sql]
      : ["psql", "--no-psqlrc", "--command", sql];
  const port = String(await freePort());
  const way = ["--database", "orders", "--role", role, "--port", port, "--yes"];
  return ["rds", "proxy", ...way, "--exec", "--", ...client];
}

function says(command: SallyportProcess, text: string): Promise<string> {
  const line = command.line((one) => one.includes(text));
  return within(`"${text}" is said`, line, () => command.lines.slice(-20).join("\n"));
}
