import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { jsonLog } from "#lib/log.ts";
import type { Grant } from "#kinds/index.ts";
import { awsPorts } from "#controller/aws/aws.ts";
import { createLoop, type Loop } from "#controller/reconcile/loop.ts";
import { reconcilers } from "#controller/reconcile/reconcilers.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, memorySource } from "#controller/reconcile/testing.ts";
import { conflicting, failing, throttled, type FaultEvent } from "#sandbox/faults.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { has } from "#test/controller/harness.ts";

interface Line {
  readonly level: string;
  readonly time: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** The installation that the sandbox's first organisation is set up for. */
const installation = "test";
let running: { sandbox: Sandbox; loop: Loop } | undefined;
afterEach(async () => {
  await running?.loop.stop();
  await running?.sandbox.stop();
});

/** Reconcilers against a sandbox, on a source in memory; everything they log, as a process would write it. */
async function setUp(grant: Grant) {
  const sandbox = await startSandbox();
  const { accessKeyID: accessKeyId, secretAccessKey } = sandbox.controllerCredentials;
  const clock = systemClock;
  const ports = awsPorts({
    region: sandbox.region,
    credentials: { accessKeyId, secretAccessKey },
    endpoint: sandbox.url,
    clock,
  });
  const lines: Line[] = [];
  const log = jsonLog(
    "debug",
    { process: "controller", installation },
    { write: (line) => void lines.push(JSON.parse(line) as Line) },
  );
  const source = memorySource([aDatabase(), aProxy(), aWorkflow(), anAvailability(), grant], () => clock.now());
  const controller = { publicURL: "https://sallyport.example.com", pin: "sha256:00", installation };
  const passes = new Map<(grant: Grant) => boolean, (grant: Grant) => void>();
  const loop = createLoop({
    source,
    // Without the Proxy's: the sandbox has no cluster, about which it would complain without end.
    reconcilers: reconcilers({
      source,
      ports,
      clock,
      controller,
      connectedTasks: () => [],
      reportsOn: () => [],
      onGrantAction: () => {},
      onGrantWritten: (written) => {
        for (const [pass, resolve] of passes) {
          if (pass(written)) {
            resolve(written);
          }
        }
      },
    }).filter(({ kind }) => kind !== "Proxy"),
    clock,
    random: Math.random,
    log,
    newID: randomUUID,
    backoff: { baseMs: 10, maxMs: 20 },
  });
  running = { sandbox, loop };
  const until = (pass: (grant: Grant) => boolean) =>
    new Promise<Grant>((resolve) => {
      passes.set(pass, resolve);
    });
  return { sandbox, source, loop, lines, until };
}

/** A Grant that is live for long, from now on. */
function longGrant(): Grant {
  return aGrant({ spec: { notAfterTime: new Date(Date.now() + 86_400_000).toISOString() } });
}

/** Fails the first calls of an operation, one after the other, as listed. */
function faultsFor(operation: string, faults: (typeof conflicting)[]) {
  return (event: FaultEvent) =>
    event.operation === operation && event.phase === "before" ? (faults.shift()?.() ?? "pass") : "pass";
}

describe("every line of a reconcile", () => {
  it("says whose it is: controller, namespace, name and the run, in a sentence without values", async () => {
    const { sandbox, source, loop, lines, until } = await setUp(longGrant());
    sandbox.faults = faultsFor("CreatePermissionSet", [throttled, failing]);

    const live = until((grant) => has(grant, "Active", "True"));
    await loop.start();
    const grant = await live;
    const ended = until(({ status }) => status?.deprovisionTime !== undefined);
    source.put({ ...grant, spec: { ...grant.spec, revocation: { reason: "done" } } });
    await ended;
    await loop.stop();

    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) {
      expect(line.controller, line.message).toMatch(/^(grant|database|availability|accessworkflow)$/);
      expect(line).toMatchObject({ process: "controller", installation, namespace: "default" });
      expect(line.name).toMatch(/^(ada-orders|orders|auto|developers)$/);
      expect(line.reconcileID).toMatch(uuid);
      expect(line.level).toMatch(/^(debug|info|warn|error)$/);
      expect(new Date(line.time).toISOString()).toBe(line.time);
      expect(line.message).toMatch(/^[A-Za-z][A-Za-z', ]+$/);
      expect(line.message).not.toMatch(/ada|orders|main|gaa/);
    }
    // One run has one ID, and no other run has it.
    const runs = new Map<unknown, Set<unknown>>();
    for (const { reconcileID, controller, name } of lines) {
      runs.set(reconcileID, (runs.get(reconcileID) ?? new Set()).add(`${String(controller)}/${String(name)}`));
    }
    expect([...runs.values()].every((objects) => objects.size === 1)).toBe(true);
    expect(new Set(lines.map(({ message }) => message)).size).toBeLessThan(15);
  });

  it("is a warning where AWS did not do what was asked, and no warning where somebody else was only first", async () => {
    const { sandbox, loop, lines, until } = await setUp(longGrant());
    sandbox.faults = faultsFor("CreateAccountAssignment", [conflicting, throttled]);

    const live = until((grant) => has(grant, "Active", "True"));
    await loop.start();
    await live;
    await loop.stop();

    const grants = lines.filter(({ controller }) => controller === "grant");
    const told = grants.filter(({ level }) => level === "warn" || level === "error");
    expect(told).toEqual([
      expect.objectContaining({
        level: "warn",
        message: "AWS did not do what was asked, will retry",
        code: "ThrottlingException",
        call: "sso:CreateAccountAssignment",
      }),
    ]);
    expect(JSON.stringify(grants)).toContain("ConflictException");
  });
});
