import type { ProxyStatus } from "#kinds/index.ts";
import { requestedLook } from "../status/annotations.ts";
import type { ProxyInput } from "./input.ts";

/** The rollout as status keeps it. */
export type Rollout = NonNullable<ProxyStatus["rollout"]>;

/** Longest text in status that tells why a rollout failed (crds/proxy.yaml). */
const messageCharactersMax = 4_096;
/** Events and reasons that are told; ECS repeats itself. */
const reasonsMax = 3;
/** What ECS writes when its circuit breaker ended a deployment. */
const brokenOff = /deployment failed|rolling back to deployment/;

/**
 * What has become of the rollout of the wanted revision. A failed one stays failed until the spec asks for another revision or a person
 * asks for another try: ECS would fail again, and each try replaces tasks. Undefined where nothing was ever rolled out. Pure.
 */
export function judgeRollout(input: ProxyInput): Rollout | undefined {
  const { proxy, desired, service, revisions } = input;
  const known = proxy.status?.rollout;
  if (desired === undefined || known?.configRevision !== desired.revision) {
    return undefined;
  }
  if (known.state === "Failed") {
    return isRetryAsked(input) ? undefined : known;
  }
  if (service === undefined) {
    return known;
  }
  const ofRevision = service.deployments.filter((one) => revisions.get(one.taskDefinitionARN) === desired.revision);
  const after = Date.parse(known.afterTime ?? "1970-01-01T00:00:00Z");
  const failed = ofRevision.find(({ state, createdAt }) => state === "FAILED" && createdAt > after);
  const hasGoneBack =
    known.state === "InProgress" &&
    ofRevision.length === 0 &&
    service.events.some(({ time, message }) => time > after && brokenOff.test(message));
  if (failed !== undefined || hasGoneBack) {
    return { ...known, state: "Failed", message: failureText(input, failed?.reason) };
  }
  const isOver = ofRevision.some(({ isPrimary, state }) => isPrimary && state === "COMPLETED");
  return isOver ? { ...known, state: "Completed" } : known;
}

/** A rollout that begins now on the service as it is; what ECS tells of earlier ones is not its own. */
export function beginRollout(configRevision: string, { now, service }: Pick<ProxyInput, "now" | "service">): Rollout {
  const { events = [], deployments = [] } = service ?? {};
  const newest = Math.max(0, ...events.map(({ time }) => time), ...deployments.map(({ createdAt }) => createdAt));
  return {
    configRevision,
    state: "InProgress",
    startTime: new Date(now).toISOString(),
    ...(newest === 0 ? {} : { afterTime: new Date(newest).toISOString() }),
  };
}

/** What ECS says about tasks of the wanted revision that failed, for people; empty where it says nothing. */
export function troubleText({ stopped, desired, revisions }: ProxyInput): string {
  const reasons = stopped
    .filter((task) => revisions.get(task.taskDefinitionARN) === desired?.revision && task.reason !== "")
    .map(({ reason }) => reason);
  return [...new Set(reasons)].slice(0, reasonsMax).join(" | ");
}

function failureText(input: ProxyInput, reason: string | undefined): string {
  const events = (input.service?.events ?? []).filter(({ message }) => /fail|unable|rolling back/.test(message));
  const told = [reason ?? "", ...events.slice(0, reasonsMax).map(({ message }) => message), troubleText(input)];
  return [...new Set(told)]
    .filter((text) => text !== "")
    .join(" | ")
    .slice(0, messageCharactersMax);
}

/** The annotation that asks for a look has a value that was not acted on yet. */
function isRetryAsked({ proxy }: ProxyInput): boolean {
  const asked = requestedLook(proxy.metadata);
  return asked !== undefined && asked !== proxy.status?.lastHandledReconcileAt;
}
