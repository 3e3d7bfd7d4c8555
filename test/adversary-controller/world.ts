import type { AnyObject, Grant } from "#kinds/index.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, uidOf } from "#controller/reconcile/testing.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { has } from "../controller/harness.ts";

/** RFC 3339 of an hour from now, by the machine's clock. */
export const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();

/** Database, Proxy, workflow and availability that the Grants below need. */
export const policyObjects = (proxy: Partial<ReturnType<typeof aProxy>["spec"]> = {}): AnyObject[] => [
  aDatabase(),
  aProxy({ spec: proxy }),
  aWorkflow(),
  anAvailability(),
];

/** The Grant `g-<digit>` of Ada for an hour, or as `spec` says. */
export function grantOf(digit: number, spec: Partial<Grant["spec"]> = {}): Grant {
  return aGrant({
    metadata: { name: `g-${digit}`, uid: uidOf(digit) },
    spec: { notAfterTime: inAnHour(), ...spec },
  });
}

/** The grant with something of its spec changed, as a new version of its file does. */
export function changed(grant: Grant, spec: Partial<Grant["spec"]>): Grant {
  const generation = (grant.metadata.generation ?? 0) + 1;
  return { ...grant, metadata: { ...grant.metadata, generation }, spec: { ...grant.spec, ...spec } };
}

export const isLive = (grant: Grant): boolean => has(grant, "Active", "True", "Active");
export const isOver = (grant: Grant): boolean => grant.status?.deprovisionTime !== undefined;

/** Names of the permission sets that the sandbox holds, but for everybody's identity set. */
export const setNames = ({ state }: Sandbox): string[] =>
  [...state.permissionSets.values()].map(({ name }) => name).filter((name) => name !== "sallyport");

/** Assignments of sets other than everybody's identity set. */
export const assignments = ({ state }: Sandbox) =>
  [...state.assignments.values()].filter(
    ({ permissionSetARN }) => state.permissionSets.get(permissionSetARN)?.name !== "sallyport",
  );
