import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Sandbox } from "#sandbox/sandbox.ts";
import type { SeedAccount } from "#sandbox/seed.ts";
import { freePort } from "#test/harness/postgres.ts";
import { startInstallation, type Installation } from "#test/harness/installation.ts";

/** What of AWS the bench plays, at AWS's own limits. */
export const cloud = {
  /** Identity Center's administration calls, all together ("20 transactions per second", IAM Identity Center quotas). */
  callsPerSecond: 20,
  /** From the start of a role update to its end. AWS: "usually seconds"; one at a time in each account. */
  roleUpdateMs: 1_000,
  accounts: 5,
  /** People who hold the Grants, in turn. */
  people: 400,
} as const;

/** Objects that wait for a look at a time when nothing but looks is left. */
const looksMax = 10;

/** Role in each account that the controller takes there. */
const provisioner = "sallyport-provisioner";

/** Calls of the controller to AWS since the last `take`. */
export interface CallCount {
  /** `service:operation` to how many. */
  readonly operations: ReadonlyMap<string, number>;
  readonly mutations: number;
  readonly throttled: number;
}

/** An installation with the real controller and a real proxy, and an AWS with several accounts. */
export interface ScaleWorld {
  readonly installation: Installation;
  /** Databases `d1` … on Proxies of their own, each in its account; `orders` on the one that runs. */
  readonly databases: readonly string[];
  /**
   * Whether everything has been looked at once and no Grant is on its way, by the controller's own metrics. The looks at live Grants
   * never cease.
   */
  look(): Promise<{ readonly isQuiet: boolean; readonly scrapeMs: number }>;
  takeCalls(): CallCount;
  /** Grants whose names begin with `prefix` that have a permission set with an open window in the sandbox. */
  liveSets(prefix: string): number;
  stop(): Promise<void>;
}

/** Starts it; ready when the proxy is linked. */
export async function startScaleWorld(): Promise<ScaleWorld> {
  const metricsPort = await freePort();
  let operations = new Map<string, number>();
  let mutations = 0;
  const installation = await startInstallation({
    logLevel: "info",
    flags: { "metrics-listen": `127.0.0.1:${metricsPort}` },
    sandbox: {
      delays: { identityCenterMs: cloud.roleUpdateMs },
      faults: ({ phase, service, operation, mutating, callerARN }) => {
        const isOurs = [":user/sallyport-controller", `:assumed-role/${provisioner}/`].some(
          (part) => callerARN?.includes(part) === true,
        );
        if (phase === "before" && isOurs) {
          const name = `${service}:${operation}`;
          operations.set(name, (operations.get(name) ?? 0) + 1);
          mutations += mutating ? 1 : 0;
        }
        return "pass";
      },
    },
  });
  const { sandbox } = installation;
  const accounts = Array.from({ length: cloud.accounts }, (_, index) => `22223333444${index}`);
  for (const accountID of accounts) {
    const account: SeedAccount = { accountID, name: accountID, emailAddress: `aws-${accountID}@example.com` };
    sandbox.state.accounts.set(accountID, account);
    sandbox.state.roles.create({
      accountID,
      roleName: provisioner,
      permissions: "administrator",
      trust: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole", Resource: "*" }],
      },
    });
  }
  addPeople(sandbox);
  installation.writeManifest("scale.yaml", accounts.map(placeManifest).join("---\n"));
  mkdirSync(path.join(installation.folder, "grants"), { recursive: true });
  return {
    installation,
    databases: accounts.map((_, index) => `d${index}`),
    async look() {
      const startMs = performance.now();
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const scrapeMs = performance.now() - startMs;
      const sum = (name: string): number =>
        [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
          (total, [, value]) => total + Number(value),
          0,
        );
      return { isQuiet: sum("workqueue_depth") <= looksMax && onTheirWay(text) === 0, scrapeMs };
    },
    takeCalls() {
      const throttled = sandbox.calls.filter(({ outcome }) => outcome === "ThrottlingException").length;
      const taken = { operations, mutations, throttled };
      operations = new Map();
      mutations = 0;
      return taken;
    },
    liveSets: (prefix) =>
      [...sandbox.state.permissionSets.values()].filter(
        ({ tags }) => tags.has("sallyport.dev/expiry") && tags.get("sallyport.dev/name")?.startsWith(prefix) === true,
      ).length,
    stop: () => installation.stop(),
  };
}

/** Grants that are being given or taken. */
function onTheirWay(metrics: string): number {
  return [...metrics.matchAll(/^sallyport_grants\{state="(?:new|pending|provisioning|revoking)"\} (\S+)$/gm)].reduce(
    (total, [, value]) => total + Number(value),
    0,
  );
}

/** Enough people that their lookups count: each as the first developer there is. */
function addPeople({ state }: Sandbox): void {
  const ada = [...state.people.values()].find(({ userName }) => userName === "ada");
  if (ada === undefined) {
    throw new Error("the demo organisation has lost its developer");
  }
  const memberships = [...state.memberships.values()].filter(({ userID }) => userID === ada.userID);
  for (let index = 0; index < cloud.people; index += 1) {
    const userID = randomUUID();
    const userName = personName(index);
    state.people.set(userID, { ...ada, userID, userName, displayName: userName, email: `${userName}@example.com` });
    for (const membership of memberships) {
      const membershipID = randomUUID();
      state.memberships.set(membershipID, { ...membership, membershipID, userID });
    }
  }
}

function personName(index: number): string {
  return `person-${index % cloud.people}`;
}

/** A Proxy that is only followed, a Database at a fixed address, and who may read it: one account's worth of policy. */
function placeManifest(accountID: string, index: number): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: Proxy
metadata: {name: p${index}}
spec:
  managementPolicy: Observe
  ecs: {accountID: "${accountID}", region: eu-west-1, clusterName: sallyport, serviceName: p${index}, taskDefinitionFamily: p${index}, containerName: proxy, assumeRoleARN: "arn:aws:iam::${accountID}:role/${provisioner}"}
  identityCenter: {instanceARN: "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6", identityStoreID: d-93671a2b3c, region: eu-west-1}
---
apiVersion: sallyport.dev/v1alpha1
kind: Database
metadata: {name: d${index}}
spec:
  engine: PostgreSQL
  proxyRef: {name: p${index}}
  endpoint: {host: d${index}.example.com, port: 5432}
  databaseName: d${index}
  roles:
    - {name: read_only, username: read_only, credentials: {iam: {}}}
---
apiVersion: sallyport.dev/v1alpha1
kind: Availability
metadata: {name: d${index}-read}
spec:
  subjects: [{kind: Group, name: developers}]
  workflowRef: {name: standard}
  roleNames: [read_only]
  databaseRefs: [{name: d${index}}]
`;
}

/** Manifests of the Grants `prefix-from` and so many after it, over these databases and all people in turn. */
export function grantManifests(prefix: string, from: number, count: number, databases: readonly string[]): string {
  const notAfter = new Date(Date.now() + 8 * 3_600_000).toISOString();
  return Array.from({ length: count }, (_, offset) => {
    const index = from + offset;
    return `apiVersion: sallyport.dev/v1alpha1
kind: Grant
metadata: {name: ${prefix}-${index}}
spec:
  principal: {name: ${personName(index)}}
  databaseRef: {name: ${databases[index % databases.length]}}
  roleName: read_only
  durationSeconds: 28800
  notAfterTime: "${notAfter}"
  reason: scale
`;
  }).join("---\n");
}
