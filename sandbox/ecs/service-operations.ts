import { AwsError } from "../service.ts";
import type { Call, Operation } from "../service.ts";
import type { Engine } from "./engine.ts";
import { invalid, optionalCount, optionalText, page, readTags, requiredText, tagRecord, textList } from "./input.ts";
import type { AccountState, EcsServiceRecord } from "./model.ts";
import { clusterName, ecsARN, findCluster, findService, shortName } from "./names.ts";
import {
  checkNetwork,
  checkStrategy,
  readCircuitBreaker,
  readPercents,
  readPropagateTags,
  runnableDefinition,
  serviceNotFound,
  shownFrom,
} from "./service-input.ts";
import { serviceShape } from "./service-shape.ts";

const namePattern = /^[a-zA-Z0-9_-]{1,255}$/;

/** Services that one DescribeServices call may name. */
const describeMax = 10;

/** Services (ECS API reference 2014-11-13). */
export function serviceOperations(engine: Engine): Readonly<Record<string, Operation>> {
  return {
    CreateService: (input, call) => createService(engine, input, call),
    UpdateService: (input, call) => updateService(engine, input, call),
    DescribeServices: (input, call) => describeServices(engine, input, call),
    DeleteService: (input, call) => deleteService(engine, input, call),
    ListServices(input, call) {
      engine.authorize(call, "ecs:ListServices", "*");
      const account = engine.account(call);
      const cluster = findCluster(account, input);
      const arns = [...account.services.values()]
        .filter((service) => service.clusterName === cluster.name && service.status !== "INACTIVE")
        .map((service) => service.arn);
      const { items, nextToken } = page(input, arns);
      return { serviceArns: items, ...(nextToken === undefined ? {} : { nextToken }) };
    },
  };
}

function createService(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const name = requiredText(input, "serviceName");
  const arn = ecsARN(account, `service/${clusterName(input)}/${name}`);
  const tags = readTags(input);
  engine.authorize(call, "ecs:CreateService", arn, requestTags(tags));
  if (!namePattern.test(name)) {
    throw invalid("Service names must have 1 to 255 letters, digits, _ or -.");
  }
  const cluster = findCluster(account, input);
  if ((findService(account, cluster.name, name)?.status ?? "INACTIVE") !== "INACTIVE") {
    throw invalid("Creation of service was not idempotent.");
  }
  checkStrategy(input);
  const definition = runnableDefinition(account, requiredText(input, "taskDefinition"));
  checkNetwork(definition, input["networkConfiguration"]);
  const desiredCount = optionalCount(input, "desiredCount");
  if (desiredCount === undefined) {
    throw invalid("desiredCount must be given with the REPLICA scheduling strategy.");
  }
  const service: EcsServiceRecord = {
    arn,
    name,
    accountID: account.accountID,
    clusterName: cluster.name,
    status: "ACTIVE",
    desiredCount,
    ...readPercents(input, { minimumHealthyPercent: 100, maximumPercent: 200 }),
    circuitBreaker: readCircuitBreaker(input, { enable: false, rollback: false }),
    enableExecuteCommand: input["enableExecuteCommand"] === true,
    propagateTags: readPropagateTags(input),
    enableECSManagedTags: input["enableECSManagedTags"] === true,
    tags,
    deployments: [],
    events: [],
    createdAt: engine.clock.now(),
    shown: shownFrom(input),
    notBefore: 0,
  };
  account.services.set(`${cluster.name}/${name}`, service);
  engine.scheduler.deploy(service, definition);
  engine.scheduler.reconcile(account, service);
  return { service: serviceShape(account, service, true) };
}

function updateService(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const service = activeService(engine, "ecs:UpdateService", input, call);
  const [primary] = service.deployments;
  const wanted = optionalText(input, "taskDefinition");
  const definition = wanted === undefined ? primary?.definition : runnableDefinition(account, wanted);
  const shown = { ...service.shown, ...shownFrom(input) };
  if (definition !== undefined) {
    checkNetwork(definition, shown["networkConfiguration"]);
  }
  const enableExecuteCommand = input["enableExecuteCommand"] ?? service.enableExecuteCommand;
  // What a running task cannot take on needs new tasks.
  const replaces =
    definition?.arn !== primary?.definition.arn ||
    input["forceNewDeployment"] === true ||
    JSON.stringify(shown) !== JSON.stringify(service.shown);
  Object.assign(service, readPercents(input, service));
  service.circuitBreaker = readCircuitBreaker(input, service.circuitBreaker);
  // Tags and the agent reach tasks that are started from now on; what runs stays as it is.
  service.propagateTags = readPropagateTags(input, service.propagateTags);
  service.desiredCount = optionalCount(input, "desiredCount") ?? service.desiredCount;
  service.enableExecuteCommand = enableExecuteCommand === true;
  service.shown = shown;
  if (replaces && definition !== undefined) {
    engine.scheduler.deploy(service, definition);
  }
  engine.scheduler.reconcile(account, service);
  return { service: serviceShape(account, service, true) };
}

function describeServices(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const names = textList(input, "services");
  if (names.length === 0 || names.length > describeMax) {
    throw invalid(`services must name 1 to ${describeMax} services.`);
  }
  const cluster = clusterName(input);
  for (const name of names) {
    const tags = tagRecord(findService(account, cluster, name)?.tags ?? []);
    const arn = ecsARN(account, `service/${cluster}/${shortName(name)}`);
    engine.authorize(call, "ecs:DescribeServices", arn, resourceTags(tags));
  }
  findCluster(account, input);
  const withTags = textList(input, "include").includes("TAGS");
  const found = names.map((name) => ({ name, service: findService(account, cluster, name) }));
  return {
    services: found.flatMap(({ service }) => (service === undefined ? [] : [serviceShape(account, service, withTags)])),
    failures: found
      .filter(({ service }) => service === undefined)
      .map(({ name }) => ({ arn: ecsARN(account, `service/${cluster}/${shortName(name)}`), reason: "MISSING" })),
  };
}

function deleteService(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const service = activeService(engine, "ecs:DeleteService", input, call);
  if (service.desiredCount > 0 && input["force"] !== true) {
    throw invalid("The service cannot be stopped while it is scaled above 0.");
  }
  service.status = "DRAINING";
  service.desiredCount = 0;
  const shape = serviceShape(account, service, true);
  engine.scheduler.reconcile(account, service);
  return { service: shape };
}

/** The service that an input means. Throws ClusterNotFoundException, ServiceNotFoundException, ServiceNotActiveException. */
function activeService(engine: Engine, action: string, input: Record<string, unknown>, call: Call): EcsServiceRecord {
  const account: AccountState = engine.account(call);
  const name = requiredText(input, "service");
  const service = findService(account, clusterName(input), name);
  const arn = ecsARN(account, `service/${clusterName(input)}/${shortName(name)}`);
  engine.authorize(call, action, arn, resourceTags(tagRecord(service?.tags ?? [])));
  findCluster(account, input);
  if (service === undefined) {
    throw serviceNotFound();
  }
  if (service.status !== "ACTIVE") {
    throw new AwsError("ServiceNotActiveException", "Service was not ACTIVE.");
  }
  return service;
}

function resourceTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ecs:ResourceTag/${key}`, value],
    ]),
  );
}

function requestTags(tags: readonly { key: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => [`aws:RequestTag/${tag.key}`, tag.value]));
}
