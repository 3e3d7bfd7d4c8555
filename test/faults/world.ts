import { randomUUID } from "node:crypto";
import { awsPorts } from "#controller/aws/aws.ts";
import type { AwsPorts } from "#controller/aws/ports.ts";
import { grantReconciler } from "#controller/reconcile/grant/reconciler.ts";
import { createLoop, type Loop } from "#controller/reconcile/loop.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, memorySource } from "#controller/reconcile/testing.ts";
import type { MemorySource } from "#controller/reconcile/testing.ts";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { systemClock, type Clock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { byHand, type ByHand } from "#sandbox/by-hand.ts";
import { type FaultScript, runFaults, type RunningFaults } from "#sandbox/fault-rules.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { SandboxOptions } from "#sandbox/options.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoSeed, type Seed } from "#sandbox/seed.ts";
import { within } from "../harness/process.ts";
import { Ledger, type WantedGrant } from "./ledger.ts";

/**
 * How long a run may take to come to what is waited for; then it is a failure, and says what happened. Where a call in four fails, the one
 * that tries for all waits for half a minute after five failures in a row.
 */
const patienceMs = 120_000;
/** What a test of several such waits may take in all: its own messages are to come first. */
export const faultTestMs = 3 * patienceMs;

export const installation = "faults";
/** Accounts of the organisation below: each has a Proxy and a Database of its number. */
export const accountIDs = ["111122223333", "222233334444", "333344445555"] as const;

/**
 * How long access may outlive its end while AWS answers, in milliseconds: the deletion must wait for the account's turn, its
 * own operation and two polls. These tests put up to eight grants into three accounts.
 */
export const lagMs = 6_000;

/** Longer than any lag of reads in these tests, in milliseconds. */
const settleMs = 3_000;

/** The controller's loop in this process, on real SDK clients against the sandbox, and the ledger beside it. */
export interface FaultWorld extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly hands: ByHand;
  readonly ledger: Ledger;
  readonly source: MemorySource;
  readonly ports: AwsPorts;
  /** A person wants this: it goes to the ledger and to the controller. */
  want(name: string, spec?: Partial<Grant["spec"]>, account?: number): Grant;
  revoke(name: string): void;
  remove(name: string): void;
  get(name: string): Grant | undefined;
  /** Resolves as soon as the Grant passes. */
  until(name: string, passes: (grant: Grant) => boolean): Promise<Grant>;
  /** Resolves when every Grant is over or gone. */
  allOver(): Promise<void>;
  userID(userName: string): string;
  /** Starts a script; `heal` ends it. */
  fault(script: FaultScript): RunningFaults;
  /** Ends the controller as a crash does, as far as one process can, and starts another on the same objects. */
  restart(): Promise<void>;
}

export interface FaultWorldOptions {
  readonly sandbox?: SandboxOptions;
  readonly proxy?: Partial<ReturnType<typeof aProxy>["spec"]>;
  readonly clock?: Clock;
  readonly lagMs?: number;
}

/** The demo organisation with more accounts, in each of which the controller has a role. */
export function manyAccounts(): Seed {
  const seed = demoSeed();
  const [first, ...others] = accountIDs;
  return {
    ...seed,
    accounts: [
      ...seed.accounts,
      ...others.map((accountID) => ({ accountID, name: accountID, emailAddress: `${accountID}@example.com` })),
    ],
    roles: [
      ...seed.roles,
      ...others.map((accountID) => ({
        accountID,
        roleName: "sallyport-provisioner",
        permissions: [{ Version: "2012-10-17", Statement: { Effect: "Allow", Action: "*", Resource: "*" } }] as const,
        trustedService: "ecs-tasks.amazonaws.com",
        trusted: [`arn:aws:iam::${first}:root`],
      })),
    ],
  };
}

/** One Proxy, Database, workflow and availability for each account. */
export function manyAccountObjects(proxy: FaultWorldOptions["proxy"] = {}): AnyObject[] {
  const objects = accountIDs.flatMap((accountID, index) => {
    const plain = aProxy().spec.ecs;
    const role = { assumeRoleARN: `arn:aws:iam::${accountID}:role/sallyport-provisioner` };
    const ecs = { ...plain, accountID, ...(index === 0 ? {} : role) };
    return [
      aProxy({ metadata: { name: `proxy-${index}` }, spec: { ecs, ...proxy } }),
      aDatabase({ metadata: { name: `orders-${index}` }, spec: { proxyRef: { name: `proxy-${index}` } } }),
    ];
  });
  const databaseRefs = accountIDs.map((_, index) => ({ name: `orders-${index}` }));
  return [...objects, aWorkflow(), anAvailability({ spec: { databaseRefs } })];
}

/** Starts a world in which nothing fails yet. */
export async function startFaultWorld(options: FaultWorldOptions = {}): Promise<FaultWorld> {
  const sandbox = await startSandbox({
    seed: manyAccounts(),
    ...options.sandbox,
    delays: { identityCenterMs: 50, ...options.sandbox?.delays },
  });
  const clock = options.clock ?? systemClock;
  const ledger = new Ledger({ events: sandbox.events, installation, lagMs: options.lagMs ?? lagMs });
  const memory = memorySource(manyAccountObjects(options.proxy), () => clock.now());
  const watchers = new Set<() => void>();
  const tell = (): void => {
    for (const watcher of watchers) {
      watcher();
    }
  };
  const source: MemorySource = {
    ...memory,
    async writeStatus(object, change, more) {
      await memory.writeStatus(object, change, more);
      tell();
    },
    async release(object) {
      await memory.release(object);
      tell();
    },
  };
  let running = await startLoop(sandbox, source, clock);
  const get = (name: string): Grant | undefined => source.get("Grant", "default", name)?.object;
  const when = <T>(what: string, look: () => T | undefined): Promise<T> => {
    const passed = new Promise<T>((resolve) => {
      const watcher = (): void => {
        const found = look();
        if (found !== undefined) {
          watchers.delete(watcher);
          resolve(found);
        }
      };
      watchers.add(watcher);
      watcher();
    });
    return within(what, passed, () => `${told(source)}\n${ledger.history()}`, patienceMs);
  };
  const change = (name: string, spec: Partial<Grant["spec"]>): void => {
    const grant = get(name);
    if (grant !== undefined) {
      const generation = (grant.metadata.generation ?? 0) + 1;
      source.put({ ...grant, metadata: { ...grant.metadata, generation }, spec: { ...grant.spec, ...spec } });
    }
  };
  const userID = (userName: string): string =>
    [...sandbox.state.people.values()].find((person) => person.userName === userName)?.userID ?? "";
  return {
    sandbox,
    hands: byHand(sandbox),
    ledger,
    source,
    get ports() {
      return running.ports;
    },
    get,
    userID,
    want(name, spec = {}, account = 0) {
      const grant = aGrant({
        metadata: { name, uid: randomUUID() },
        spec: {
          databaseRef: { name: `orders-${account}` },
          notAfterTime: new Date(clock.now() + 3_600_000).toISOString(),
          ...spec,
        },
      });
      ledger.want(wantedOf(grant, userID(grant.spec.principal.name), accountIDs[account] ?? ""));
      source.put(grant);
      return grant;
    },
    revoke(name) {
      ledger.end(name);
      change(name, { revocation: { reason: "done" } });
    },
    remove(name) {
      ledger.end(name);
      source.remove({ kind: "Grant", namespace: "default", name }, new Date(clock.now()).toISOString());
    },
    until: (name, passes) =>
      when(`what ${name} waits for`, () => {
        const grant = get(name);
        return grant !== undefined && passes(grant) ? grant : undefined;
      }),
    allOver: () =>
      when("the end of all", () =>
        source.list("Grant").every(({ object }) => isOver(object)) ? true : undefined,
      ).then(() => {}),
    fault(script) {
      const faults = runFaults(script);
      sandbox.faults = faults.plan;
      sandbox.asyncFailure = faults.asyncFailure;
      return faults;
    },
    async restart() {
      running.die();
      void running.loop.stop();
      running = await startLoop(sandbox, source, clock);
    },
    async [Symbol.asyncDispose]() {
      ledger.stop();
      await running.loop.stop();
      await sandbox.stop();
    },
  };
}

interface RunningLoop {
  readonly loop: Loop;
  readonly ports: AwsPorts;
  /** Nothing that it does from now on has an effect. What was on its way arrives. */
  die(): void;
}

async function startLoop(sandbox: Sandbox, source: MemorySource, clock: Clock): Promise<RunningLoop> {
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const credentials = { accessKeyId: accessKeyID, secretAccessKey };
  const life = { isOver: false };
  const real = awsPorts({ region: sandbox.region, credentials, endpoint: sandbox.url, clock });
  const ports: AwsPorts = {
    instances: real.instances,
    identityCenter: (at) => mortal(real.identityCenter(at), life),
    identityStore: (at) => mortal(real.identityStore(at), life),
    account: (at) => mortal(real.account(at), life),
  };
  const loop = createLoop({
    source: mortal(source, life),
    reconcilers: [
      grantReconciler({ source: mortal(source, life), ports, clock, installation, random: Math.random, settleMs }),
    ],
    clock,
    random: Math.random,
    log: silentLog,
    newID: randomUUID,
    // As in production, at a tenth of the time.
    backoff: { baseMs: 100, maxMs: 2_000 },
    graceMs: 100,
  });
  await loop.start();
  const die = (): void => {
    life.isOver = true;
  };
  return { loop, ports, die };
}

/** What a source answers without a promise. */
const answersFromMemory = ["list", "get", "tombstone", "subscribe", "held", "problems", "isBlank"];

/** Methods that a process which has died no longer calls, and whose answers it no longer hears. */
function mortal<T extends object>(parts: T, life: { readonly isOver: boolean }): T {
  const never = new Promise<never>(() => {});
  return new Proxy(parts, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") {
        return method;
      }
      return (...given: unknown[]): unknown => {
        const isDead = life.isOver && !answersFromMemory.includes(String(name));
        const answer: unknown = isDead ? never : Reflect.apply(method, target, given);
        return answer instanceof Promise
          ? answer.then(
              (value: unknown) => (life.isOver ? never : value),
              (error: unknown) => (life.isOver ? never : Promise.reject(error as Error)),
            )
          : answer;
      };
    },
  });
}

/** What the controller says of its Grants, for the report of a run that does not come to its end. */
function told(source: MemorySource): string {
  return source
    .list("Grant")
    .map(({ object: { metadata, status } }) => {
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      const operation = status?.external?.operation?.kind ?? "none";
      return `${metadata.name}: ${ready?.reason}: ${ready?.message} (operation: ${operation})`;
    })
    .join("\n");
}

/** A Grant as the ledger must know of it. */
export function wantedOf({ metadata, spec }: Grant, principalID: string, accountID: string): WantedGrant {
  const { durationSeconds, notAfterTime } = spec;
  return { name: metadata.name, principalID, accountID, durationSeconds, notAfterTime };
}

/** Ended, and nothing left by what its status says. */
export function isOver({ status }: Grant): boolean {
  return status?.deprovisionTime !== undefined;
}
