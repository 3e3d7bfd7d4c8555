import { spawnSync } from "node:child_process";
import { afterEach, expect, it } from "vitest";
import { manualClock, systemClock } from "#lib/clock.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { TaskCredentials } from "../link/task.ts";
import { openUpstream } from "../upstream/login.ts";
import { queryUpstream } from "../upstream/query.ts";
import { closeUpstream } from "../upstream/side.ts";
import { freshTokenEveryMs, regionOf, signToken, tokenLifeMs, tokenMarginMs, Tokens } from "./tokens.ts";

const credentials: TaskCredentials = {
  accessKeyId: "AKIDEXAMPLEEXAMPLE01",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: `session/${"token+".repeat(60)}==`,
};
const login = { host: "orders.c1abc.eu-west-1.rds.amazonaws.com", port: 5_432, username: "read only+'*/ü" };

let postgres: TestPostgres | undefined;
afterEach(async () => {
  await postgres?.stop();
  postgres = undefined;
});

function stand(change: Partial<TaskCredentials> = {}) {
  const clock = manualClock(Date.UTC(2026, 4, 6, 7, 8, 9));
  let asked = 0;
  const tokens = new Tokens({
    clock,
    region: "us-east-2",
    credentials: () => {
      asked += 1;
      return Promise.resolve({ ...credentials, ...change });
    },
  });
  return { clock, tokens, asked: () => asked };
}

it("a token is what botocore's generate_db_auth_token makes of the same credentials at the same time", async (context) => {
  const script = `
import datetime, json, sys
import botocore.auth, botocore.session
g = json.load(sys.stdin)
at = datetime.datetime.fromisoformat(g["now"])
class Fixed(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return at if tz else at.replace(tzinfo=None)
    @classmethod
    def utcnow(cls): return at.replace(tzinfo=None)
botocore.auth.datetime = type("m", (), {"datetime": Fixed, "timezone": datetime.timezone, "timedelta": datetime.timedelta})
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: at.replace(tzinfo=None) if remove_tzinfo else at
client = botocore.session.Session().create_client("rds", region_name="eu-west-1",
    aws_access_key_id=g["accessKeyId"], aws_secret_access_key=g["secretAccessKey"], aws_session_token=g["sessionToken"])
print(client.generate_db_auth_token(DBHostname=g["host"], Port=g["port"], DBUsername=g["username"]))
`;
  const now = new Date("2026-05-06T07:08:09Z");
  const python = process.env["SALLYPORT_PYTHON"] ?? "python3";
  const input = JSON.stringify({ ...credentials, ...login, now: "2026-05-06T07:08:09+00:00" });
  const independent = spawnSync(python, ["-c", script], { input, encoding: "utf8" });
  if (independent.error !== undefined || independent.stderr.includes("No module named 'botocore'")) {
    context.skip("python3 with botocore is not installed, so tokens cannot be compared with its own");
  }

  const token = await signToken(login, "eu-west-1", credentials, now);

  expect(independent.stderr).toBe("");
  expect(parts(token.reveal())).toEqual(parts(independent.stdout.trim()));
});

it("a token is kept until its last minute, and one that was refused is made anew, though not at every try", async () => {
  const { clock, tokens, asked } = stand();
  const source = tokens.source(login);

  const first = await source.get(false);
  clock.advance(tokenLifeMs - tokenMarginMs - 1);
  const kept = await source.get(false);
  clock.advance(1);
  const second = await source.get(false);
  const again = await source.get(true);
  clock.advance(freshTokenEveryMs);
  const anew = await source.get(true);

  expect([kept.reveal(), again.reveal()]).toEqual([first.reveal(), second.reveal()]);
  expect(new Set([first, second, anew].map((token) => token.reveal())).size).toBe(3);
  expect(asked()).toBe(3);
});

it("a token ends with the credentials that signed it", async () => {
  const { clock, tokens, asked } = stand({ expiration: new Date(Date.UTC(2026, 4, 6, 7, 13, 9)) });
  const source = tokens.source(login);
  await source.get(false);

  clock.advance(5 * 60_000 - tokenMarginMs);
  await source.get(false);

  expect(asked()).toBe(2);
});

it("a clock that is set back makes a new token, for one of the future is refused", async () => {
  const { clock, tokens, asked } = stand();
  const source = tokens.source(login);
  await source.get(false);

  clock.jump(-3_600_000);
  await source.get(false);

  expect(asked()).toBe(2);
});

it("each user and server has a token of its own, signed for the region in the server's name or the task's", async () => {
  const { tokens } = stand();

  const own = await tokens.source(login).get(false);
  const elsewhere = await tokens.source({ ...login, host: "10.0.0.7" }).get(false);
  const other = await tokens.source({ ...login, username: "other" }).get(false);

  expect(parts(own.reveal()).get("X-Amz-Credential")).toContain("/eu-west-1/rds-db/");
  expect(parts(elsewhere.reveal()).get("X-Amz-Credential")).toContain("/us-east-2/rds-db/");
  expect(parts(other.reveal()).get("DBUser")).toBe("other");
});

it.each([
  ["orders.c1abc.eu-west-1.rds.amazonaws.com", "eu-west-1"],
  ["orders.cluster-ro-c1abc.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"],
  ["orders.proxy-c1abc.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"],
  ["db.example.com", undefined],
  ["orders.eu-west-1.rds.amazonaws.com.example.com", undefined],
])("the region of %s is %s", (host, region) => {
  expect(regionOf(host)).toBe(region);
});

it("task credentials that cannot be read are the role's trouble, without a word of the credentials", async () => {
  const tokens = new Tokens({
    clock: manualClock(),
    region: "eu-west-1",
    credentials: () => Promise.reject(new Error(`no ${credentials.secretAccessKey}`)),
  });

  const attempt = tokens.source(login).get(false);

  await expect(attempt).rejects.toMatchObject({ health: "SecretUnreadable" });
  await expect(attempt).rejects.not.toThrow(/wJalr/);
});

it("a real server that asks for a password over TLS gets the token as it is; one that asks for SCRAM gets nothing", async () => {
  const here = { host: "127.0.0.1", username: "iam_user" };
  const { tokens } = stand();
  postgres = await startPostgres({ auth: "password" });
  const source = tokens.source({ ...here, port: postgres.port });
  const token = await source.get(false);
  await postgres.query(`create role iam_user login password '${token.reveal()}'`);
  const target = { ...here, port: postgres.port, tlsMode: "VerifyFull" as const, authorities: [postgres.ca] };
  const as = { username: "iam_user", databaseName: postgres.database, parameters: new Map<string, string>() };

  const upstream = await openUpstream(target, { ...as, password: source }, { clock: systemClock });
  const rows = await queryUpstream(upstream, "select current_user");
  closeUpstream(upstream);
  const refused = openUpstream(
    target,
    { ...as, password: { isToken: true, get: () => tokens.source({ ...login, username: "x" }).get(false) } },
    { clock: systemClock },
  );

  expect(rows).toEqual([["iam_user"]]);
  await expect(refused).rejects.toMatchObject({
    health: "AuthenticationFailed",
    message: expect.stringContaining("rds-db:connect"),
  });
  await postgres.stop();
  postgres = await startPostgres({ initSQL: "create role iam_user login password 'x'" });
  const scram = { ...target, port: postgres.port, authorities: [postgres.ca] };
  await expect(openUpstream(scram, { ...as, password: source }, { clock: systemClock })).rejects.toMatchObject({
    health: "AuthenticationFailed",
    message: expect.stringContaining("rds_iam"),
  });
});

/** A token's server and parameters, in whatever order its maker writes them. */
function parts(token: string): Map<string, string> {
  const url = new URL(`https://${token}`);
  return new Map([["at", url.host + url.pathname], ...url.searchParams]);
}
