import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import pg from "pg";
import type { IssuedCredentials } from "#sandbox/credentials.ts";
import type {
  GrantList,
  GrantView,
  SessionList,
  SessionView,
  StatementEvent,
  StatementList,
  VerifyReport,
} from "#wire/control-api.ts";
import type { ControlApi } from "../harness/control-api.ts";
import type { Installation } from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually, type SallyportProcess } from "../harness/process.ts";

/** Runs a command to its end and reads the JSON that it printed. */
export async function json<T>(installation: Installation, who: string, ...args: string[]): Promise<T> {
  const command = installation.run(who, [...args, "--output", "json"]);
  const code = await command.exited;
  const text = command.lines.join("\n");
  if (code !== 0) {
    throw new Error(`sallyport ${args.join(" ")} ended with ${code}:\n${text}`);
  }
  return JSON.parse(text) as T;
}

/** Waits until the person's grant for that role is live, as the control API shows it; its ID. */
export async function activeGrant(installation: Installation, who: string, role: string): Promise<string> {
  const grant = await grantInState(installation, who, role, "Active");
  return grant.grantID;
}

/** Waits until the person's newest grant for that role is in `state`. */
export function grantInState(
  installation: Installation,
  who: string,
  role: string,
  state: GrantView["state"],
): Promise<GrantView> {
  return eventually(`${who}'s grant for ${role} is ${state}`, async () => {
    const { items } = await json<GrantList>(installation, who, "grants", "list");
    return items.find((grant) => grant.role === role && grant.state === state);
  });
}

/** Starts `rds proxy` for a grant that is live or will be asked for, and waits for its connection string. */
export async function connectAs(
  installation: Installation,
  who: string,
  role: string,
  ...more: string[]
): Promise<{ proxy: SallyportProcess; url: string; port: number }> {
  const port = await freePort();
  const args = ["rds", "proxy", "--database", "orders", "--role", role, "--port", String(port), "--yes", ...more];
  const proxy = installation.run(who, args);
  const line = await proxy.line((text) => text.includes("connection string"));
  return { proxy, port, url: /postgresql:\S+/.exec(line)?.[0] ?? "" };
}

/** The statements recorded under a grant, oldest first, once there are at least `count`. */
export function statementsOf(installation: Installation, grantID: string, count: number): Promise<StatementEvent[]> {
  return eventually(`${count} statements are recorded`, async () => {
    const list = await json<StatementList>(installation, "margaret", "audit", "search", "--grant", grantID);
    const ended = list.items.filter((item) => item.outcome !== undefined);
    return ended.length >= count ? ended.toSorted((one, other) => one.storeSeq - other.storeSeq) : undefined;
  });
}

/** Waits until a backend runs exactly this query. */
export function running(installation: Installation, query: string): Promise<true> {
  return eventually(`"${query}" runs`, async () => {
    const sql = "select 1 from pg_stat_activity where state = 'active' and query = $1";
    return (await installation.postgres.query(sql, [query])).length > 0 ? true : undefined;
  });
}

/** A CancelRequest as libpq sends it for protocol 3.0: a connection of its own, no answer. */
export async function sendCancel(port: number, processID: number, secretKey: number): Promise<void> {
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = connect(port, "127.0.0.1");
  socket.resume();
  socket.write(request);
  await once(socket, "close");
}

/** Why tests with psql cannot run here; undefined when they can. */
export function psqlMissing(): string | undefined {
  return spawnSync("psql", ["--version"]).status === 0 ? undefined : "psql is not installed";
}

/** Files below `folder` that contain one of `secrets`. */
export function filesContaining(folder: string, secrets: readonly string[]): string[] {
  return globSync("**/*", { cwd: folder }).filter((name) => {
    const file = path.join(folder, name);
    return statSync(file).isFile() && secrets.some((secret) => readFileSync(file).includes(secret));
  });
}

export function ssmClient({ sandbox }: Installation, credentials: IssuedCredentials): SSMClient {
  return new SSMClient({ ...endpoint(sandbox), credentials: sdkCredentials(credentials), maxAttempts: 1 });
}

export function stsClient({ sandbox }: Installation, credentials: IssuedCredentials): STSClient {
  return new STSClient({ ...endpoint(sandbox), credentials: sdkCredentials(credentials), maxAttempts: 1 });
}

function endpoint({ url, region }: Installation["sandbox"]): { endpoint: string; region: string } {
  return { endpoint: url, region };
}

/** The SDK's spelling of the sandbox's credentials. */
export function sdkCredentials(issued: IssuedCredentials): {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
} {
  return {
    accessKeyId: issued.accessKeyID,
    secretAccessKey: issued.secretAccessKey,
    ...(issued.sessionToken === undefined ? {} : { sessionToken: issued.sessionToken }),
  };
}

/** A Grant as JSON, which is YAML too: app_owner on orders for ten minutes, never beyond an hour from now. */
export function grantManifest(name: string, person: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name },
    spec: {
      principal: { name: person },
      databaseRef: { name: "orders" },
      roleName: "app_owner",
      durationSeconds: 600,
      notAfterTime: secondsFromNow(3_600),
      ...spec,
    },
  });
}

/** RFC 3339 in UTC, whole seconds. */
export function secondsFromNow(seconds: number): string {
  return new Date(Math.round(Date.now() / 1_000 + seconds) * 1_000).toISOString().replace(".000Z", "Z");
}

/** Waits until the Grant of that name is in one of these states. Calls that fail are a controller that is not there now. */
export function grantReaches(api: ControlApi, name: string, ...states: GrantView["state"][]): Promise<GrantView> {
  let last = "nothing yet";
  return eventually(
    () => `the Grant ${name} is ${states.join(" or ")}; last seen: ${last}`,
    async () => {
      const grant = await api.grant(name).catch((error: Error) => void (last = error.message));
      last = grant === undefined ? last : `${grant.state}, ${grant.message}`;
      return grant !== undefined && states.includes(grant.state) ? grant : undefined;
    },
  );
}

/** Waits until the control API knows no Grant of that name any more. */
export function grantReleased(api: ControlApi, name: string): Promise<true> {
  return eventually(`the Grant ${name} is released`, async () => {
    const grant = await api.grant(name).catch(() => "no answer");
    return grant === undefined ? true : undefined;
  });
}

/** Grants that open nothing, so that the few that a test deletes within a minute are no mass disappearance. */
export function addOtherGrants(installation: Installation): void {
  for (let number = 1; number <= 12; number += 1) {
    const name = `other-${number}`;
    installation.writeManifest(`grants/${name}.yaml`, grantManifest(name, "linus", { suspend: true }));
  }
}

/** A connection that does not mind being lost: queries on it say so. `lastWords` are what the server ended it with. */
export async function connected(url: string): Promise<{ client: pg.Client; lastWords: () => string }> {
  const client = new pg.Client({ connectionString: url });
  const heard: string[] = [];
  client.on("error", (error) => heard.push(error.message));
  await client.connect();
  return { client, lastWords: () => heard.join() };
}

/** A client whose transaction holds a change and runs a query that would go on for minutes; what ends it. */
export async function busyTransaction(
  installation: Installation,
  url: string,
  query: string,
): Promise<{ failure: Promise<string> }> {
  const { client } = await connected(url);
  await client.query("begin");
  await client.query("delete from order_lines");
  const failure = client.query(query).then(
    () => "it was not ended",
    (error: Error) => error.message,
  );
  await running(installation, query);
  return { failure };
}

/** Waits until the role that people get has no backend in the database. */
export function noBackendLeft(installation: Installation): Promise<true> {
  return eventually("no backend of the role is left", async () => {
    const sql = "select 1 from pg_stat_activity where usename = 'app_owner'";
    return (await installation.postgres.query(sql)).length === 0 ? true : undefined;
  });
}

/** Rows of the table that `busyTransaction` empties. */
export async function linesKept(installation: Installation): Promise<number> {
  const [row] = await installation.postgres.query<{ n: number }>("select count(*)::int as n from order_lines");
  return row?.n ?? 0;
}

/** Every statement and session of a grant, once all its sessions are closed in the trail. */
export async function closedTrail(
  api: ControlApi,
  grantID: string,
): Promise<{ statements: StatementEvent[]; sessions: readonly SessionView[] }> {
  const sessions = await eventually("all sessions of the grant are closed in the trail", async () => {
    const { items } = await api.get<SessionList>(`/v1/sessions?grantID=${grantID}`);
    // None at all is no answer yet: a killed proxy ships what it recorded after its next process is linked.
    return items.length > 0 && items.every(({ endTime }) => endTime !== undefined) ? items : undefined;
  });
  const statements: StatementEvent[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: StatementList = await api.get(`/v1/audit/statements?grantID=${grantID}&limit=1000&after=${after}`);
    statements.push(...page.items);
    after = page.next;
  }
  return { statements, sessions };
}

/** What the auditor's proof of the whole trail must say. */
export const completeTrail = { verdict: "complete", findings: [] };

export function verifyTrail(api: ControlApi): Promise<VerifyReport> {
  return api.post<VerifyReport>("/v1/audit/verify", {});
}
