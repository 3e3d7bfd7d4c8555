import type { Database, ObjectKey, Proxy } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AwsPorts, RdsEndpoint } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import type { Outcome, ReconcileContext, Reconciler } from "../reconciler.ts";
import { notReady } from "../status/simple.ts";
import { writeObjectStatus } from "../status/write.ts";
import { decideDatabase, type DatabaseReport } from "./decide.ts";

/** What the Database reconciler needs. */
export interface DatabaseReconcilerOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  /** What linked proxies last said of a Database (`namespace/name`). */
  readonly reportsOn: (databaseKey: string) => readonly DatabaseReport[];
}

/** Resolves Databases to their addresses and shows what the proxies see of them. */
export function databaseReconciler(options: DatabaseReconcilerOptions): Reconciler {
  const { source, ports, clock, reportsOn } = options;
  return {
    kind: "Database",
    async reconcile({ namespace, name }: ObjectKey, context: ReconcileContext): Promise<Outcome> {
      const database = source.get("Database", namespace, name)?.object;
      if (database === undefined) {
        return { kind: "settled" };
      }
      const proxy = source.get("Proxy", namespace, database.spec.proxyRef.name)?.object;
      try {
        const rds = proxy === undefined ? undefined : await lookUp(database, proxy, ports);
        const reports = reportsOn(`${namespace}/${name}`);
        const decision = decideDatabase({ now: context.clock.now(), database, proxy, rds, reports });
        await writeObjectStatus(source, database, decision, clock);
        return decision.next;
      } catch (thrown) {
        if (!isFailure(thrown)) {
          throw thrown;
        }
        const conditions = notReady("ProviderError", thrown.message);
        await writeObjectStatus(source, database, { patch: {}, conditions }, clock);
        return { kind: "failed", error: thrown };
      }
    },
    affectedBy(changed) {
      if (changed.kind !== "Proxy") {
        return [];
      }
      return source.list("Database").flatMap(({ object: { metadata, spec } }) => {
        const isAffected = metadata.namespace === changed.namespace && spec.proxyRef.name === changed.name;
        return isAffected ? [{ kind: "Database" as const, namespace: metadata.namespace, name: metadata.name }] : [];
      });
    },
  };
}

async function lookUp(database: Database, proxy: Proxy, ports: AwsPorts): Promise<RdsEndpoint | undefined> {
  const { rds } = database.spec;
  if (rds === undefined) {
    return undefined;
  }
  const account = ports.account(proxy.spec.ecs);
  return rds.instanceIdentifier === undefined
    ? account.getCluster(rds.clusterIdentifier ?? "")
    : account.getInstance(rds.instanceIdentifier);
}
