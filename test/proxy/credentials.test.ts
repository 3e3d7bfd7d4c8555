import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { readClaim, signatureMatches } from "#sandbox/server/sigv4.ts";
import { findSecret, makeSecret, putVersion } from "#sandbox/secretsmanager/secrets.ts";
import { type GoBetween, startGoBetween } from "#test/harness/go-between.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { LinkGrant } from "#wire/link.ts";
import { listenLocally } from "./client.ts";
import { accountID, prove, type ProxyStand, startProxyStand } from "./harness.ts";

let stand: ProxyStand;
let postgres: TestPostgres;
/** A server as RDS runs one: it takes a token for iam_user, and nothing else. */
let rds: GoBetween;
/** Tokens that were shown to it, and what it said of each. */
const tokens: { readonly token: string; readonly isGood: boolean }[] = [];
const clients: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  postgres = await startPostgres({ auth: "trust", initSQL: "create role iam_user login" });
  rds = await startGoBetween(postgres, {
    takesToken(token) {
      const isGood = isSignedByTask(token);
      tokens.push({ token, isGood });
      return isGood;
    },
  });
  stand = await startProxyStand({ authorities: [rds.ca] });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
});
afterAll(async () => {
  await stand?.stop();
  await rds?.stop();
  await postgres?.stop();
});

/** Checks a token as RDS does, with the sandbox's own reading of SigV4, which shares no code with what signed it. */
function isSignedByTask(token: string): boolean {
  const [at = "", query = ""] = token.split("/?");
  const request = { method: "GET", path: "/", query, headers: { host: at }, body: Buffer.alloc(0) };
  const claim = readClaim(request);
  if (claim === "missing" || "incomplete" in claim) {
    return false;
  }
  const known = stand.sandbox.state.credentials.find(claim.accessKeyID);
  const pairs = new URLSearchParams(query);
  return (
    known !== undefined &&
    at === `127.0.0.1:${rds.port}` &&
    pairs.get("Action") === "connect" &&
    pairs.get("DBUser") === "iam_user" &&
    pairs.get("X-Amz-Expires") === "900" &&
    claim.scopeService === "rds-db" &&
    claim.scopeRegion === stand.sandbox.region &&
    claim.sessionToken === known.sessionToken &&
    signatureMatches(request, claim, known.secretAccessKey)
  );
}

/** Opens a tunnel under a grant, and gives what connects through it. */
async function tunnel(change: Partial<LinkGrant>): Promise<() => Promise<pg.Client>> {
  const grant = stand.makeGrant(change);
  stand.controller.tell(grant);
  for (;;) {
    const { answer } = await prove(stand, grant.grantID, stand.credentialsOf(stand.roleOf(grant)));
    if (answer.type === "welcome") {
      const local = await listenLocally(stand.proxy.port, () => answer.ticket ?? "");
      clients.push(local);
      return async () => {
        const { username: user } = grant.role;
        const client = new pg.Client({ host: "127.0.0.1", port: local.port, user, database: "orders", password: "x" });
        client.on("error", () => {});
        await client.connect();
        clients.push({ stop: () => client.end() });
        return client;
      };
    }
  }
}

const secretOf = (name: string) => {
  const secret = findSecret(stand.sandbox.state, accountID, name);
  if (secret === undefined) {
    throw new Error(`the sandbox has no secret ${name}`);
  }
  return secret;
};

function rotate(name: string, value: unknown): string {
  const secret = secretOf(name);
  putVersion(secret, Date.now(), { string: JSON.stringify(value), binary: undefined }, randomUUID());
  return secret.arn;
}

/** A new secret; those of other tests are still in the proxy's cache. */
function newSecret(name: string, value: unknown): string {
  const { state } = stand.sandbox;
  const secret = makeSecret(state, randomBytes, Date.now(), { accountID, name: `orders-prod/${name}` });
  return rotate(secret.name, value);
}

it("a password that is rotated in the database and in its secret is picked up by the next connection", async () => {
  const open = await tunnel({});
  await open();
  await stand.postgres.query("alter role app_owner password 'rotated once'");
  rotate("orders-prod/app_owner", { username: "app_owner", password: "rotated once" });

  const client = await open();

  expect((await client.query("select current_user")).rows).toEqual([{ current_user: "app_owner" }]);
});

it("a role without a secret logs in with a token of the task role, made once for many connections", async () => {
  const open = await tunnel({
    database: databaseAt(rds.port),
    role: { name: "reporting", username: "iam_user" },
  });

  const first = await open();
  await open();

  expect((await first.query("select current_user")).rows).toEqual([{ current_user: "iam_user" }]);
  expect(tokens.map(({ isGood }) => isGood)).toEqual([true, true]);
  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  const signature = new URLSearchParams(tokens[0]?.token.split("?")[1]).get("X-Amz-Signature") ?? "";
  expect(signature).toMatch(/^[0-9a-f]{64}$/);
  expect(`${stand.log.join("\n")}${JSON.stringify(stand.controller.statuses)}`).not.toContain(signature);
});

it("a token that the database refuses says what the task role and the user need", async () => {
  const open = await tunnel({
    database: databaseAt(rds.port),
    role: { name: "other", username: "not_iam_user" },
  });

  await expect(open()).rejects.toThrow(/rds-db:connect for user "not_iam_user".*rds_iam/);
  await stand.controller.until(() => healthOf("other") === "AuthenticationFailed");
});

it("a secret for another user is a health error, and its password is never sent", async () => {
  const secretARN = newSecret("other-user", { username: "postgres", password: stand.passwords.readOnly });
  const open = await tunnel({ role: { name: "read_only", username: "read_only", secretARN } });

  await expect(open()).rejects.toThrow(/another user than "read_only"/);
  await stand.controller.until(() => healthOf("read_only") === "SecretUnreadable");
});

it("a tool that reconnects in a loop with a wrong secret reaches the database once", async () => {
  const secretARN = newSecret("wrong", { username: "read_only", password: "wrong" });
  const open = await tunnel({ role: { name: "looping", username: "read_only", secretARN } });
  const before = refusals();

  for (let attempts = 0; attempts < 8; attempts += 1) {
    await expect(open()).rejects.toThrow(/refused the proxy's own login/);
  }

  expect(refusals() - before).toBe(1);
});

const refusals = (): number =>
  readFileSync(stand.postgres.logFile, "utf8").split('password authentication failed for user "read_only"').length - 1;

const healthOf = (role: string): string | undefined =>
  stand.controller.statuses.at(-1)?.databases.find((report) => report.role === role)?.health;

function databaseAt(port: number): LinkGrant["database"] {
  return {
    key: "default/iam",
    engine: "PostgreSQL",
    host: "127.0.0.1",
    port,
    databaseName: "orders",
    tlsMode: "VerifyFull",
  };
}
