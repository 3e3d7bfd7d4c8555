import { type ConditionInput, isTrue, type ObjectKey, type Proxy } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { assertNever } from "#lib/errors.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AccountPort, AwsFailure, AwsPorts } from "../../aws/ports.ts";
import { needsCleanUp } from "../../source/clean-up.ts";
import type { Source } from "../../source/source.ts";
import type { Outcome, ReconcileContext, Reconciler } from "../reconciler.ts";
import { requestedLook } from "../status/annotations.ts";
import { notReady } from "../status/simple.ts";
import { type StatusWrite, writeObjectStatus } from "../status/write.ts";
import { decideProxy, firstOfService } from "./decide.ts";
import { desiredDefinition, desiredService, proxyKeyOf, revisionOf, type ControllerIdentity } from "./definition.ts";
import type { ConnectedTask, ProxyAction, ProxyInput } from "./input.ts";

/** What the Proxy reconciler needs. */
export interface ProxyReconcilerOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  readonly controller: ControllerIdentity;
  /** Tasks of a Proxy (`namespace/name`) that are linked now. */
  readonly connectedTasks: (proxyKey: string) => readonly ConnectedTask[];
}

/**
 * Milliseconds for which the deletion of a Proxy is tried when ECS cannot be asked: its account may be gone, or the role that leads
 * there. Then the object is let go and its service, if there still is one, is left; the log says so.
 */
export const deletionTriedMs = 3_600_000;

/**
 * Milliseconds after this process began to act within which tasks that were linked before link again: they try every few seconds. A
 * controller that was started again must not show every Proxy as broken first.
 */
export const linkAgainMs = 15_000;

/** Converges Proxies to their ECS services. */
export function proxyReconciler(options: ProxyReconcilerOptions): Reconciler {
  return new ProxyReconciler(options);
}

class ProxyReconciler implements Reconciler {
  readonly kind = "Proxy";
  readonly #options: ProxyReconcilerOptions;
  /** Revision by ARN of the task definition; definitions never change. */
  readonly #revisions = new Map<string, string>();
  #begunMs: number | undefined;

  constructor(options: ProxyReconcilerOptions) {
    this.#options = options;
  }

  async reconcile({ namespace, name }: ObjectKey, context: ReconcileContext): Promise<Outcome> {
    const { source, ports } = this.#options;
    const proxy = source.get("Proxy", namespace, name)?.object;
    if (proxy === undefined) {
      return { kind: "settled" };
    }
    if (proxy.metadata.deletionTimestamp !== undefined && !needsCleanUp(proxy)) {
      // Nothing goes with it: an account that cannot be asked must not hold it.
      await source.release(proxy);
      return { kind: "settled" };
    }
    const nowMs = context.clock.monotonicMs();
    this.#begunMs ??= nowMs;
    const leftMs = this.#begunMs + linkAgainMs - nowMs;
    if (leftMs > 0 && this.#isLinkingAgain(proxy)) {
      return {
        kind: "waiting",
        untilMs: context.clock.now() + leftMs,
        why: "its tasks link again",
        priority: "change",
      };
    }
    const account = ports.account(proxy.spec.ecs);
    try {
      const input = await this.#observe(proxy, account, context.clock.now());
      const decision = decideProxy(input);
      await this.#write(proxy, decision);
      let registered: string | undefined;
      for (const action of decision.actions) {
        context.signal.throwIfAborted();
        registered = (await this.#perform(action, proxy, account, registered)) ?? registered;
        context.log.info("step performed", { action: action.kind });
      }
      return decision.next;
    } catch (thrown) {
      if (!isFailure(thrown)) {
        throw thrown;
      }
      return this.#failed(thrown, proxy, context);
    }
  }

  /** Whether nothing is known against the Proxy but that not all tasks have linked since this process began. */
  #isLinkingAgain(proxy: Proxy): boolean {
    const { metadata, status } = proxy;
    const before = status?.tasks?.filter(({ connected }) => connected) ?? [];
    return (
      metadata.deletionTimestamp === undefined &&
      status?.observedGeneration === metadata.generation &&
      isTrue(status?.conditions, "Ready") &&
      requestedLook(metadata) === status?.lastHandledReconcileAt &&
      this.#options.connectedTasks(proxyKeyOf(proxy)).length < before.length
    );
  }

  async #failed(failure: AwsFailure, proxy: Proxy, { log, clock }: ReconcileContext): Promise<Outcome> {
    const { deletionTimestamp } = proxy.metadata;
    const givenUpMs = deletionTimestamp === undefined ? Infinity : Date.parse(deletionTimestamp) + deletionTriedMs;
    if (clock.now() > givenUpMs) {
      const { accountID, region, clusterName, serviceName } = proxy.spec.ecs;
      log.error("Proxy is let go without knowing that its ECS service is gone", {
        accountID,
        region,
        clusterName,
        serviceName,
        why: failure.message,
      });
      await this.#options.source.release(proxy);
      return { kind: "settled" };
    }
    const conditions =
      deletionTimestamp === undefined ? failureConditions(failure, proxy) : heldConditions(failure, proxy, givenUpMs);
    await this.#write(proxy, { patch: {}, conditions });
    return { kind: "failed", error: failure };
  }

  /** A Proxy that shared its service with one that is gone gets its turn. */
  affectedBy(changed: ObjectKey): readonly ObjectKey[] {
    if (changed.kind !== "Proxy") {
      return [];
    }
    return this.#options.source.list("Proxy").flatMap(({ object }) => {
      const isShared = object.status?.conditions?.some(({ reason }) => reason === "ServiceShared") === true;
      return isShared
        ? [{ kind: "Proxy" as const, namespace: object.metadata.namespace, name: object.metadata.name }]
        : [];
    });
  }

  async #observe(proxy: Proxy, account: AccountPort, now: number): Promise<ProxyInput> {
    const { source, controller, connectedTasks } = this.#options;
    const { clusterName, serviceName, containerName, taskDefinitionFamily } = proxy.spec.ecs;
    const service = await account.getService(clusterName, serviceName);
    const tasks = service === undefined ? [] : await account.listTasks(clusterName, serviceName, containerName);
    const deployments = service?.deployments ?? [];
    const newest = await account.getTaskDefinition(taskDefinitionFamily);
    const inUse = [service?.taskDefinitionARN ?? "", ...[...tasks, ...deployments].map((one) => one.taskDefinitionARN)];
    const revisions = new Map(newest === undefined ? [] : [[newest.arn, revisionOf(newest)]]);
    for (const arn of new Set(inUse)) {
      const revision = arn === "" ? undefined : (revisions.get(arn) ?? (await this.#revisionOf(arn, account)));
      if (revision !== undefined) {
        revisions.set(arn, revision);
      }
    }
    const desired = desiredDefinition(proxy, controller);
    // A deployment that was undone may be gone from the list by now; its tasks still tell why.
    const isUndone =
      proxy.status?.rollout?.state === "InProgress" &&
      desired !== undefined &&
      revisions.get(service?.taskDefinitionARN ?? "") !== desired.revision;
    const isFailing = isUndone || deployments.some(({ failedTasks, state }) => failedTasks > 0 || state === "FAILED");
    return {
      now,
      installation: controller.installation,
      proxy,
      sharedWith: firstOfService(
        proxy,
        source.list("Proxy").map(({ object }) => object),
      ),
      desired,
      service,
      newest: newest === undefined ? undefined : { arn: newest.arn, revision: revisionOf(newest) },
      tasks,
      stopped: isFailing ? await account.listStoppedTasks(clusterName, serviceName, containerName) : [],
      revisions,
      connected: connectedTasks(proxyKeyOf(proxy)),
    };
  }

  async #revisionOf(arn: string, account: AccountPort): Promise<string | undefined> {
    const known = this.#revisions.get(arn);
    const view = known === undefined ? await account.getTaskDefinition(arn) : undefined;
    const revision = view === undefined ? known : revisionOf(view);
    if (revision !== undefined) {
      this.#revisions.set(arn, revision);
    }
    return revision;
  }

  /** Answers the ARN of a definition that was registered. */
  async #perform(
    action: ProxyAction,
    proxy: Proxy,
    account: AccountPort,
    registered: string | undefined,
  ): Promise<string | undefined> {
    const { clusterName, serviceName } = proxy.spec.ecs;
    switch (action.kind) {
      case "RegisterTaskDefinition":
        return account.registerTaskDefinition(action.definition);
      case "CreateService":
      case "UpdateService": {
        const arn = registered ?? action.taskDefinitionARN ?? "";
        const service = desiredService(proxy, this.#options.controller.installation, arn);
        if (service !== undefined) {
          await (action.kind === "CreateService"
            ? account.createService(service)
            : account.updateService({ ...service, forceNewDeployment: action.forceNewDeployment }));
        }
        return undefined;
      }
      case "DeleteService":
        await account.deleteService(clusterName, serviceName);
        return undefined;
      case "Release":
        await this.#options.source.release(proxy);
        return undefined;
      default:
        return assertNever(action);
    }
  }

  #write(proxy: Proxy, write: StatusWrite<Proxy>): Promise<void> {
    return writeObjectStatus(this.#options.source, proxy, write, this.#options.clock);
  }
}

function failureConditions(failure: AwsFailure, { spec: { ecs } }: Proxy): ConditionInput[] {
  if (failure.code !== "ClusterNotFoundException") {
    return notReady("ProviderError", failure.message);
  }
  const where = `account ${ecs.accountID}, ${ecs.region}`;
  const message = `There is no ECS cluster ${ecs.clusterName} in ${where}. Create it: aws ecs create-cluster --cluster-name ${ecs.clusterName}`;
  return notReady("ClusterNotFound", message);
}

/** A deleted Proxy that waits for an account which does not answer: for what, how long, and how to end that. */
function heldConditions(failure: AwsFailure, { metadata, spec }: Proxy, givenUpMs: number): ConditionInput[] {
  const { accountID, region, clusterName, serviceName } = spec.ecs;
  const command = `kubectl patch proxy ${metadata.name} --namespace ${metadata.namespace} --type merge --patch '{"spec":{"deletionPolicy":"Retain"}}'`;
  const message =
    `The Proxy is deleted, and its ECS service ${serviceName} (cluster ${clusterName}, account ${accountID}, ${region}) could not be: ` +
    `${failure.message}. This is tried until ${new Date(givenUpMs).toISOString()}; then the Proxy goes and the service stays. ` +
    `To let it go now: ${command}`;
  return notReady("DeletionFailed", message);
}
