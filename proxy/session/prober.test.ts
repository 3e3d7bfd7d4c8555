import { afterEach, beforeEach, expect, it } from "vitest";
import { manualClock, systemClock, type ManualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { LinkGrant } from "#wire/link.ts";
import { Passwords } from "../secrets/passwords.ts";
import { grantFor, role, roleSQL } from "../testing/stand.ts";
import { probe } from "../upstream/probe.ts";
import { UpstreamError } from "../upstream/target.ts";
import { withPassword } from "../upstream/with-password.ts";
import { DatabaseHealth } from "./health.ts";
import { probeEveryMs, probeLookMs, Prober, type ProberPorts } from "./prober.ts";

let clock: ManualClock;
let health: DatabaseHealth;
let live: LinkGrant[];
let secret: string;
let logins: string[];
let right: string;
let postgres: TestPostgres | undefined;

beforeEach(() => {
  clock = manualClock();
  health = new DatabaseHealth(clock, () => {});
  live = [grantFor({ host: "db.test", port: 5_432, database: "orders" })];
  secret = "right";
  right = "right";
  logins = [];
});
afterEach(async () => {
  await postgres?.stop();
  postgres = undefined;
});

function prober(change: Partial<ProberPorts> = {}): Prober {
  const passwords = new Passwords(() => Promise.resolve(JSON.stringify({ password: secret })), clock);
  return new Prober({
    clock,
    log: silentLog,
    random: () => 0.5,
    authorities: [],
    liveGrants: () => live,
    passwordOf: ({ database: { host, port }, role: { username } }) =>
      passwords.source({ secretARN: "arn", host, port, username }),
    health,
    probe: (_target, login, { signal }) =>
      withPassword(login.password, signal, (password) => {
        logins.push(password.reveal());
        return password.reveal() === right
          ? Promise.resolve("18.1")
          : Promise.reject(new UpstreamError("AuthenticationFailed", "refused"));
      }),
    ...change,
  });
}

const never = new AbortController().signal;
const states = (): unknown[] => health.report().map((report) => [report.health, report.serverVersion]);

it("a role of a live grant is logged in to when nothing was learned of it for five minutes, and only then", async () => {
  const probes = prober();

  await probes.look(never);
  await probes.look(never);
  expect(logins).toEqual(["right"]);
  clock.advance(probeEveryMs - 1);
  await probes.look(never);
  expect(logins).toHaveLength(1);
  clock.advance(1);
  await probes.look(never);

  expect(logins).toHaveLength(2);
  expect(states()).toEqual([["Reachable", "18.1"]]);
});

it("a role that somebody has just used, or that several grants give, is not logged in to for each", async () => {
  const [grant] = live as [LinkGrant];
  live = [grant, { ...grant, grantID: "gother" }];
  const probes = prober();
  health.learned(grant, "Reachable", "logged in");

  await probes.look(never);
  clock.advance(probeEveryMs);
  await probes.look(never);

  expect(logins).toHaveLength(1);
});

it("a database without a live grant is left alone", async () => {
  live = [];

  await prober().look(never);

  expect(logins).toEqual([]);
});

it("a password that was refused is not sent again, however long it takes, until the secret changes", async () => {
  secret = "wrong";
  const probes = prober();

  for (let hours = 0; hours < 5; hours += 1) {
    await probes.look(never);
    clock.advance(3_600_000);
  }
  expect(logins).toEqual(["wrong"]);
  expect(states()).toEqual([["AuthenticationFailed", undefined]]);
  secret = "right";
  await probes.look(never);

  expect(logins).toEqual(["wrong", "right"]);
  expect(states()).toEqual([["Reachable", "18.1"]]);
});

it("looks go on until the proxy stops", async () => {
  const stopping = new AbortController();
  const running = prober().run(stopping.signal);

  clock.advance(probeLookMs);
  await new Promise(setImmediate);
  stopping.abort(new Error("stop"));
  await running;

  expect(logins).toEqual(["right"]);
});

it("a real server lets the probe in and out again", async () => {
  postgres = await startPostgres({ initSQL: roleSQL });
  live = [grantFor(postgres)];
  secret = role.password;
  const probes = prober({
    probe: (target, login) => probe(target, login, { clock: systemClock }),
    authorities: [postgres.ca],
  });

  await probes.look(never);

  expect(health.report()).toMatchObject([{ health: "Reachable", serverVersion: expect.stringMatching(/^18/) }]);
  await gone(postgres);
});

/** Waits until the server has nobody of the role. */
async function gone(server: TestPostgres): Promise<void> {
  while ((await server.query("select 1 from pg_stat_activity where usename = $1", [role.username])).length > 0) {}
}
