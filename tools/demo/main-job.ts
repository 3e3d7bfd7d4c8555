import { once } from "node:events";
import { createServer } from "node:net";
import pg from "pg";
import type { Hand } from "./hand.ts";
import type { Screen } from "./screen.ts";
import { loggedStatements } from "./server-log.ts";
import type { Story } from "./story.ts";
import { awsViewer } from "./aws-view.ts";
import type { Installation } from "#test/harness/installation.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventually, type SallyportProcess } from "#test/harness/process.ts";

const accountID = "111122223333";
const person = "ada";
const auditor = "margaret";
const grant = { name: "ada-orders", person, database: "orders", role: "app_owner" };

/** What the parts of the story hand on. */
interface Way {
  readonly grantID: string;
  readonly proxy: SallyportProcess;
  readonly tail: SallyportProcess;
  readonly url: string;
}

/** The main job from the Grant, declared by one or the other hand, to the verified trail, each step observed from outside. */
export async function tellMainJob(installation: Installation, hand: Hand, story: Story, screen: Screen): Promise<void> {
  screen.title("Access is declared, and AWS follows");
  const grantID = await openAccess(installation, hand, story, screen);
  screen.title("A person connects as to any local database");
  const way = await connectPerson(installation, story, screen, grantID);
  screen.title("Every statement is on record before it runs");
  await hand.useClient(way.url, story);
  await runQueries(installation, way, story);
  screen.title("The grant ends while a transaction is open and a query is running");
  await endAccess(installation, hand, { story, screen }, way);
  screen.title("The trail is proved");
  await verifyTrail(installation, story, way);
}

async function openAccess(installation: Installation, hand: Hand, story: Story, screen: Screen): Promise<string> {
  const viewer = awsViewer(installation.sandbox, accountID);
  await story.step(hand.declares(grant), () => hand.declare(grant));
  const grantID = await story.step(hand.reports, () => hand.untilActive(grant));
  await story.step(`Identity Center holds the permission set ${grantID}, assigned and provisioned`, async () => {
    const view = await viewer.find(grantID);
    story.prove("permission set named by the grant ID", view !== undefined, view?.permissionSetARN ?? "not there");
    const people = installation.sandbox.state.people;
    const user = [...people.values()].find((candidate) => candidate.userName === person);
    story.prove(
      "assigned to the person and nobody else",
      view?.assignedTo.join() === user?.userID,
      `${view?.assignedTo.join()}`,
    );
    story.prove(
      "allows port forwarding only",
      (view?.policy.includes("AWS-StartPortForwardingSession") ?? false) && !view?.policy.includes('"ssm:*"'),
      "inline policy, document pinned",
    );
    screen.quote("aws", view?.description ?? "");
  });
  return grantID;
}

async function connectPerson(installation: Installation, story: Story, screen: Screen, grantID: string): Promise<Way> {
  for (const who of [person, auditor]) {
    await story.step(`${who} signs in by the device flow`, async () => {
      const login = installation.run(who, ["login"], (line) => screen.quote(who, line));
      const line = await login.line((text) => text.includes("user_code="));
      installation.sandbox.approveDevice(/user_code=([\w-]+)/.exec(line)?.[1] ?? "", who);
      if ((await login.exited) !== 0) {
        throw new Error(login.lines.join("\n"));
      }
    });
  }
  const tail = await story.step(`${auditor}, an auditor, follows the statements live`, async () => {
    const started = installation.run(auditor, ["audit", "tail", "--after", "0"], (line) => screen.quote("audit", line));
    return started;
  });
  const port = await portForDemo();
  const args = ["rds", "proxy", "--database", "orders", "--role", "app_owner", "--port", String(port), "--yes"];
  const proxy = installation.run(person, args, (line) => screen.quote(person, line));
  const ready = await story.step("the CLI opens a native SSM session to the proxy", () =>
    proxy.line((line) => line.includes("connection string")),
  );
  const url = /postgresql:\S+/.exec(ready)?.[0] ?? "";
  const sessions = installation.sandbox.ssm.sessions().filter((session) => session.endedBy === undefined);
  const [session] = sessions;
  story.prove(
    "one SSM session of the grant's own role, no plugin",
    sessions.length === 1 && session?.ownerARN.includes(grantID) === true,
    `${session?.sessionID} to ${session?.targetName.slice(0, 24)}…`,
  );
  return { grantID, proxy, tail, url };
}

/** The port that the README shows, unless something else listens there. */
async function portForDemo(): Promise<number> {
  const wanted = 15_432;
  const server = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
    server.close();
    return wanted;
  } catch {
    return freePort();
  }
}

async function runQueries(installation: Installation, way: Way, story: Story): Promise<void> {
  await story.step("real queries run through 127.0.0.1", async () => {
    const client = new pg.Client({ connectionString: way.url });
    await client.connect();
    const count = await client.query<{ count: string }>("select count(*) from orders");
    story.prove("real data came back", count.rows[0]?.count === "5000", `${count.rows[0]?.count} orders`);
    await client.query(
      `select c.country, sum(l.quantity * p.price) as revenue
       from orders o join customers c on c.id = o.customer_id
       join order_lines l on l.order_id = o.id join products p on p.id = l.product_id
       where o.placed_at >= $1 and o.status = $2 group by 1 order by 2 desc`,
      ["2026-03-01", "shipped"],
    );
    await client.query("select * from no_such_table").catch(() => {});
    await client.query("create role reporting login password 'never-in-the-trail'").catch(() => {});
    await client.end();
  });
  await story.step("each statement shows live with rows, duration and outcome", async () => {
    await way.tail.line((line) => line.includes("#1 ✔ ok  SELECT 1  1 rows"));
    await way.tail.line((line) => line.includes("#2 ✔ ok  SELECT 6  6 rows"));
    await way.tail.line((line) => line.includes("#3 ✘ error") && line.includes("42P01"));
    await way.tail.line((line) => line.includes("#4 ✘ error") && line.includes("42501"));
    const redacted = await way.tail.line((line) => line.includes("create role reporting"));
    const leaked = way.tail.lines.some((line) => line.includes("never-in-the-trail"));
    story.prove("secrets inside SQL are redacted", !leaked, redacted.slice(redacted.indexOf("create")));
  });
  await story.step("the trail agrees, one to one, with what the database itself logged", async () => {
    const search = installation.run(auditor, ["audit", "search", "--grant", way.grantID, "--output", "json"]);
    await search.exited;
    const { items } = JSON.parse(search.lines.join("\n")) as { items: { sql: string }[] };
    const recorded = items.map((item) => item.sql).toSorted();
    const logged = loggedStatements(installation.postgres.logFile, "app_owner")
      .map((sql) => sql.replace("never-in-the-trail", "[redacted]"))
      .toSorted();
    const same = recorded.length > 0 && JSON.stringify(recorded) === JSON.stringify(logged);
    story.prove("trail and server log agree", same, `${recorded.length} recorded, ${logged.length} logged by Postgres`);
  });
}

async function endAccess(
  installation: Installation,
  hand: Hand,
  { story, screen }: { readonly story: Story; readonly screen: Screen },
  way: Way,
): Promise<void> {
  const client = new pg.Client({ connectionString: way.url });
  const seen: string[] = [];
  client.on("error", (error) => seen.push(error.message));
  await client.connect();
  const returnedBefore = await returnedOrders(installation);
  const [backend] = (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
  await story.step("a write transaction is open, and a query in it is running", async () => {
    await client.query("begin");
    await client.query("update orders set status = 'returned' where id <= 1000");
    void client.query("select pg_sleep(300)").catch((error: Error) => seen.push(error.message));
    await eventually("the query runs", async () => {
      const sql = "select 1 from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%'";
      return (await installation.postgres.query(sql, [backend?.pid])).length > 0 ? true : undefined;
    });
  });
  const startedMs = performance.now();
  await story.step(`${hand.withdraws(grant)}; the client is told why`, async () => {
    await hand.withdraw(grant);
    const reason = await eventually("the client sees the reason", () => seen.find((message) => message !== ""));
    screen.quote(person, reason);
    story.prove("the client sees why", /grant|access|revoked/i.test(reason), reason);
    await way.proxy.exited;
  });
  await story.step("the backend is gone and the transaction rolled back", async () => {
    await eventually("the backend is gone", async () => {
      const rows = await installation.postgres.query("select 1 from pg_stat_activity where pid = $1", [backend?.pid]);
      return rows.length === 0 ? true : undefined;
    });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    story.prove("the backend is gone", true, `pg_stat_activity, ${seconds} s after the deletion`);
    const returnedAfter = await returnedOrders(installation);
    const observation = `${returnedAfter} of 1000 rows are 'returned', ${returnedBefore} before the update`;
    story.prove("the write was rolled back", returnedAfter === returnedBefore && returnedAfter < 1_000, observation);
  });
  await story.step("assignment and permission set are gone", async () => {
    const viewer = awsViewer(installation.sandbox, accountID);
    // Asked once a second: these calls and the controller's share Identity Center's 20 a second.
    const isGone = async (): Promise<true | undefined> =>
      (await viewer.find(way.grantID)) === undefined ? true : undefined;
    await eventually("the permission set is gone", isGone, 60_000, 1_000);
    story.prove("nothing is left in AWS", true, `no permission set ${way.grantID}`);
    const gone = await hand.untilGone(grant);
    if (gone !== undefined) {
      story.prove(gone.what, true, gone.observation);
    }
  });
}

async function returnedOrders({ postgres }: Installation): Promise<number> {
  const sql = "select count(*)::int as n from orders where id <= 1000 and status = 'returned'";
  const [row] = await postgres.query<{ n: number }>(sql);
  return row?.n ?? -1;
}

async function verifyTrail(installation: Installation, story: Story, way: Way): Promise<void> {
  await story.step("the audit trail verifies", async () => {
    const report = await eventually("the trail is complete", async () => {
      const verify = installation.run(auditor, ["audit", "verify", "--output", "json"]);
      const code = await verify.exited;
      return code === 0 ? (JSON.parse(verify.lines.join("\n")) as { records: number; sessions: number }) : undefined;
    });
    story.prove("the trail is complete", true, `${report.records} records, ${report.sessions} sessions, signed heads`);
    const secrets = Object.values(installation.passwords);
    const said = [...way.tail.lines, ...way.proxy.lines, ...installation.controller().lines];
    const leaked = said.some((line) => secrets.some((secret) => line.includes(secret)));
    story.prove(
      "no database password shows anywhere",
      !leaked,
      `${said.length} lines of trail, client and controller searched`,
    );
  });
  way.tail.kill("SIGINT");
  await way.tail.exited;
}
