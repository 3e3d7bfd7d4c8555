import { AwsError } from "../service.ts";
import type { Operation } from "../service.ts";
import type { Engine } from "./engine.ts";
import { clientError, mergeTags, page, readTags, textList } from "./input.ts";
import type { AccountState, Cluster } from "./model.ts";
import { clusterName, ecsARN, shortName } from "./names.ts";

const namePattern = /^[a-zA-Z0-9_-]{1,255}$/;

/** Clusters (ECS API reference 2014-11-13). */
export function clusterOperations(engine: Engine): Readonly<Record<string, Operation>> {
  return {
    CreateCluster(input, call) {
      const account = engine.account(call);
      const name = clusterName({ cluster: input["clusterName"] });
      const arn = ecsARN(account, `cluster/${name}`);
      engine.authorize(call, "ecs:CreateCluster", arn);
      if (!namePattern.test(name)) {
        throw new AwsError("InvalidParameterException", "Identifiers must have 1 to 255 letters, digits, _ or -.");
      }
      const existing = account.clusters.get(name);
      const cluster: Cluster = existing ?? { arn, name, tags: [] };
      cluster.tags = mergeTags(cluster.tags, readTags(input));
      account.clusters.set(name, cluster);
      return { cluster: clusterShape(account, cluster, true) };
    },
    DescribeClusters(input, call) {
      const account = engine.account(call);
      const wanted = textList(input, "clusters");
      const names = (wanted.length === 0 ? ["default"] : wanted).map(shortName);
      for (const name of names) {
        engine.authorize(call, "ecs:DescribeClusters", ecsARN(account, `cluster/${name}`));
      }
      const withTags = textList(input, "include").includes("TAGS");
      const found = names.flatMap((name) => account.clusters.get(name) ?? []);
      const missing = names.filter((name) => !account.clusters.has(name));
      return {
        clusters: found.map((cluster) => clusterShape(account, cluster, withTags)),
        failures: missing.map((name) => ({ arn: ecsARN(account, `cluster/${name}`), reason: "MISSING" })),
      };
    },
    ListClusters(input, call) {
      engine.authorize(call, "ecs:ListClusters", "*");
      const arns = [...engine.account(call).clusters.values()].map((cluster) => cluster.arn);
      const { items, nextToken } = page(input, arns);
      return { clusterArns: items, ...(nextToken === undefined ? {} : { nextToken }) };
    },
    DeleteCluster(input, call) {
      const account = engine.account(call);
      const name = clusterName(input);
      engine.authorize(call, "ecs:DeleteCluster", ecsARN(account, `cluster/${name}`));
      const cluster = account.clusters.get(name);
      if (cluster === undefined) {
        throw new AwsError("ClusterNotFoundException", "Cluster not found.");
      }
      const inUse = (one: { clusterName: string }): boolean => one.clusterName === name;
      if ([...account.services.values()].some((service) => inUse(service) && service.status !== "INACTIVE")) {
        throw new AwsError(
          "ClusterContainsServicesException",
          "The Cluster cannot be deleted while Services are active.",
        );
      }
      if ([...account.tasks.values()].some((task) => inUse(task) && task.lastStatus !== "STOPPED")) {
        throw clientError("The Cluster cannot be deleted while Tasks are active.");
      }
      account.clusters.delete(name);
      return { cluster: { ...clusterShape(account, cluster, false), status: "INACTIVE" } };
    },
  };
}

function clusterShape(account: AccountState, cluster: Cluster, withTags: boolean): Record<string, unknown> {
  const tasks = [...account.tasks.values()].filter((task) => task.clusterName === cluster.name);
  const services = [...account.services.values()].filter((service) => service.clusterName === cluster.name);
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: "ACTIVE",
    registeredContainerInstancesCount: 0,
    runningTasksCount: tasks.filter((task) => task.lastStatus === "RUNNING").length,
    pendingTasksCount: tasks.filter((task) => task.lastStatus === "PENDING" || task.lastStatus === "PROVISIONING")
      .length,
    activeServicesCount: services.filter((service) => service.status === "ACTIVE").length,
    statistics: [],
    settings: [{ name: "containerInsights", value: "disabled" }],
    capacityProviders: ["FARGATE"],
    defaultCapacityProviderStrategy: [],
    ...(withTags ? { tags: cluster.tags } : {}),
  };
}
