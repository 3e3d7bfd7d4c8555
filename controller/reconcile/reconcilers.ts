import type { Trail } from "#audit/event/trail.ts";
import type { Grant, GrantReview } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Log } from "#lib/log.ts";
import { folderTrust, type IdentityTrust } from "../admission/identity-trust.ts";
import type { AwsPorts } from "../aws/ports.ts";
import type { Source } from "../source/source.ts";
import { accessWorkflowReconciler } from "./accessworkflow/reconciler.ts";
import { availabilityReconciler } from "./availability/reconciler.ts";
import { databaseReconciler, type DatabaseReconcilerOptions } from "./database/reconciler.ts";
import { grantReviewReconciler } from "./grantreview/reconciler.ts";
import { grantReconciler, type GrantReconcilerOptions } from "./grant/reconciler.ts";
import type { ControllerIdentity } from "./proxy/definition.ts";
import { proxyReconciler, type ProxyReconcilerOptions } from "./proxy/reconciler.ts";
import type { Reconciler } from "./reconciler.ts";

/** What all reconcilers together need. */
export interface ReconcilersOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  readonly controller: ControllerIdentity;
  /** Absent: as in folder mode. */
  readonly identity?: IdentityTrust;
  /** Keeps what becomes of access. Absent: nothing is kept. */
  readonly trail?: Trail;
  /** How long before the end of access its person is warned. Absent: the usual time. */
  readonly warnBeforeEndMs?: number;
  readonly connectedTasks: ProxyReconcilerOptions["connectedTasks"];
  readonly reportsOn: DatabaseReconcilerOptions["reportsOn"];
  /** See `GrantReviewReconcilerOptions`. */
  readonly identityStore?: string | undefined;
  /** For what the trail could not keep. Absent: nobody is told. */
  readonly log?: Pick<Log, "error">;
  /** See `GrantReconcilerOptions`. */
  readonly onGrantUntold?: () => void;
  readonly onGrantWritten: (grant: Grant) => void;
  /** See `GrantReviewReconcilerOptions`. */
  readonly onReviewWritten?: (review: GrantReview) => void;
  readonly onGrantAction: NonNullable<GrantReconcilerOptions["onAction"]>;
}

/** One reconciler for each kind. */
export function reconcilers(options: ReconcilersOptions): Reconciler[] {
  const { source, ports, clock, controller, identity = folderTrust(), connectedTasks, reportsOn } = options;
  const kept = defined({ trail: options.trail, log: options.log });
  return [
    grantReconciler({
      source,
      ports,
      clock,
      installation: controller.installation,
      identity,
      random: Math.random,
      onStatusWritten: options.onGrantWritten,
      onAction: options.onGrantAction,
      ...defined({ warnBeforeEndMs: options.warnBeforeEndMs, onUntold: options.onGrantUntold }),
      ...kept,
    }),
    grantReviewReconciler({
      source,
      ports,
      clock,
      identity,
      identityStore: options.identityStore,
      ...defined({ onStatusWritten: options.onReviewWritten }),
      ...kept,
    }),
    proxyReconciler({ source, ports, clock, controller, connectedTasks }),
    databaseReconciler({ source, ports, clock, reportsOn }),
    availabilityReconciler({ source, clock }),
    accessWorkflowReconciler({ source, clock, identity }),
  ];
}
