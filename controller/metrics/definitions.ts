import { define, exponentialBuckets, type MetricDefinition } from "#lib/metrics/definition.ts";
import { droppedSeries } from "#lib/metrics/registry.ts";
import { runtimeMetrics } from "./runtime-definitions.ts";

/** Where a Grant stands, as a label: its phase, but `refused` where it was not given and a person must act first. */
export const grantStates = ["new", "pending", "refused", "provisioning", "live", "revoking", "ended"] as const;
export type GrantState = (typeof grantStates)[number];

/** What was confirmed after a Grant's end. */
export const revocationSteps = ["proxy_cut", "assignment_removed", "permission_set_removed"] as const;
export type RevocationStep = (typeof revocationSteps)[number];

/** Kinds whose objects have a condition metric each: administrators write them, so there are hundreds at most. */
export const conditionKinds = ["Proxy", "Database", "Availability", "AccessWorkflow"] as const;

/** 100 ms to a day, two bounds per factor of about five: SLOs are told in seconds, faults last minutes or hours. */
const lagBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400];

/** Metrics of grants and of the objects they depend on. No label ever names a person, nor a Grant, whose name often does. */
const objectMetrics = {
  grants: define({
    name: "sallyport_grants",
    type: "gauge",
    help: "Grants by state: new, pending, refused, provisioning, live, revoking, ended.",
    labels: ["state"],
  }),
  oldest: define({
    name: "sallyport_grant_oldest_seconds",
    type: "gauge",
    help: "How long the Grant that has been there for longest has been provisioning (since its approval or its start time) or revoking (since its end). 0 where there is none.",
    labels: ["state"],
  }),
  revocationLag: define({
    name: "sallyport_grant_revocation_lag_seconds",
    type: "histogram",
    help: "Time from a Grant's end until a step of taking access away was confirmed: proxy_cut (by each task), assignment_removed, permission_set_removed.",
    labels: ["step"],
    buckets: lagBuckets,
  }),
  grantConditions: define({
    name: "sallyport_grant_conditions",
    type: "gauge",
    help: "Grants that have not ended, by each of their conditions.",
    labels: ["type", "status", "reason"],
  }),
  condition: define({
    name: "sallyport_condition",
    type: "gauge",
    help: "1 for the status that a condition of a Proxy, Database, Availability or AccessWorkflow has, 0 for the two others. Gone with the object.",
    labels: ["kind", "namespace", "name", "type", "status"],
    // 500 objects with six conditions of three statuses: Common Fate's largest installations had some hundred databases.
    seriesMax: 9_000,
  }),
  drift: define({
    name: "sallyport_drift_detected_total",
    type: "counter",
    help: "Times that something in AWS was found changed by somebody else.",
    labels: ["kind"],
  }),
  held: define({
    name: "sallyport_held_deletions",
    type: "gauge",
    help: "Objects that disappeared all at once and are not deleted before a person confirms it.",
    labels: [],
  }),
  orphans: define({
    name: "sallyport_orphans_held",
    type: "gauge",
    help: "Permission sets that carry this installation's tag, belong to no Grant, and are too many to be removed before a person confirms it. Only the replica that leads looks.",
    labels: [],
  }),
  problems: define({
    name: "sallyport_source_problems",
    type: "gauge",
    help: "Files or objects that cannot be read or accepted; the last good ones are in force.",
    labels: [],
  }),
  synced: define({
    name: "sallyport_source_synced",
    type: "gauge",
    help: "1 once this process knows all objects, else 0.",
    labels: [],
  }),
  folderRead: define({
    name: "sallyport_folder_last_read_timestamp_seconds",
    type: "gauge",
    help: "When the folder was last read and taken over as a whole, in seconds since 1970; files of it may have problems. 0 where this process never has. Folder mode only.",
    labels: [],
  }),
  folderFiles: define({
    name: "sallyport_folder_files",
    type: "gauge",
    help: "Manifest files of the folder at the last read: accepted, or problem where not all in it could be read and accepted. Folder mode only.",
    labels: ["state"],
  }),
  lastList: define({
    name: "sallyport_reflector_last_list_timestamp_seconds",
    type: "gauge",
    help: "When all objects of a kind were last listed, in seconds since 1970. Cluster mode only.",
    labels: ["reflector"],
  }),
  lastEvent: define({
    name: "sallyport_reflector_last_event_timestamp_seconds",
    type: "gauge",
    help: "When the watch of a kind last said anything, bookmarks included, in seconds since 1970. Cluster mode only.",
    labels: ["reflector"],
  }),
} as const;

const awsMetrics = {
  awsRequests: define({
    name: "sallyport_aws_requests_total",
    type: "counter",
    help: "Requests to AWS, each attempt counted.",
    labels: ["service", "operation"],
  }),
  awsErrors: define({
    name: "sallyport_aws_errors_total",
    type: "counter",
    help: "Requests to AWS that failed, by AWS's own error name. What is only not found, or in conflict, is ordinary.",
    labels: ["service", "operation", "code"],
  }),
  awsDuration: define({
    name: "sallyport_aws_request_duration_seconds",
    type: "histogram",
    help: "Time until AWS answered an attempt.",
    labels: ["service", "operation"],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
  }),
  limiterWait: define({
    name: "sallyport_aws_limiter_wait_seconds",
    type: "histogram",
    help: "How long a call waited for its turn under this process's own rate limit. Urgency is revoke, turn (of whoever its account waits for), change or check.",
    labels: ["limiter", "urgency"],
    buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  }),
} as const;

const proxyMetrics = {
  tasks: define({
    name: "sallyport_proxy_tasks",
    type: "gauge",
    help: "Tasks of a Proxy that are linked to this process.",
    labels: ["proxy"],
  }),
  sessions: define({
    name: "sallyport_proxy_sessions",
    type: "gauge",
    help: "Database sessions that the linked tasks of a Proxy report.",
    labels: ["proxy"],
  }),
  clockSkew: define({
    name: "sallyport_clock_skew_seconds",
    type: "gauge",
    help: "Wall clock of a Proxy's task minus this process's: the task that is furthest off.",
    labels: ["proxy"],
  }),
  spoolBytes: define({
    name: "sallyport_proxy_spool_bytes",
    type: "gauge",
    help: "Bytes in the audit spools of a Proxy's linked tasks: what the controller has not stored, and for each task up to a segment (8 MiB) of what it has.",
    labels: ["proxy"],
  }),
  spoolUsed: define({
    name: "sallyport_proxy_spool_used_ratio",
    type: "gauge",
    help: "How full the fullest spool of a Proxy's linked tasks is. At 1 statements are refused, or go on with a gap.",
    labels: ["proxy"],
  }),
  spoolRecords: define({
    name: "sallyport_proxy_spool_records",
    type: "gauge",
    help: "Audit records of a Proxy's linked tasks that the controller has not acknowledged.",
    labels: ["proxy"],
  }),
  spoolOldest: define({
    name: "sallyport_proxy_spool_oldest_seconds",
    type: "gauge",
    help: "How long the oldest audit record of a Proxy's linked tasks has waited for its acknowledgement. 0 where none waits.",
    labels: ["proxy"],
  }),
  spoolDenied: define({
    name: "sallyport_proxy_spool_denied",
    type: "gauge",
    help: "Statements and sessions that a Proxy's linked tasks have refused since each began, because there was no room for their record.",
    labels: ["proxy"],
  }),
  spoolLastDenied: define({
    name: "sallyport_proxy_spool_last_denied_timestamp_seconds",
    type: "gauge",
    help: "When a linked task of a Proxy last refused a statement or a session for want of room, in seconds since 1970. Absent where none has.",
    labels: ["proxy"],
  }),
  spoolGaps: define({
    name: "sallyport_proxy_spool_missing_records",
    type: "gauge",
    help: "Records that a Proxy's linked tasks could not keep since each began, and of which a gap tells.",
    labels: ["proxy"],
  }),
  spoolFailedWrites: define({
    name: "sallyport_proxy_spool_failed_writes",
    type: "gauge",
    help: "Writes to their spools that failed since each of a Proxy's linked tasks began.",
    labels: ["proxy"],
  }),
  auditRecords: define({
    name: "sallyport_audit_records_total",
    type: "counter",
    help: "Audit records that were stored.",
    labels: ["proxy"],
  }),
  auditBatches: define({
    name: "sallyport_audit_batches_refused_total",
    type: "counter",
    help: "Batches that were not stored: the store failed, or they named another Proxy's grants.",
    labels: ["proxy"],
  }),
  auditFindings: define({
    name: "sallyport_audit_findings_total",
    type: "counter",
    help: "Stored records that do not fit their chain: conflict, unreadable, wrong-origin, after-gap, late, chain-mismatch.",
    labels: ["proxy", "kind"],
  }),
  auditGaps: define({
    name: "sallyport_audit_gaps_total",
    type: "counter",
    help: "Gaps that proxies owned up to: records that they could not keep, spool-full or spool-damaged.",
    labels: ["proxy", "reason"],
  }),
  auditLag: define({
    name: "sallyport_audit_lag_seconds",
    type: "histogram",
    help: "Age of a batch's oldest record, by the proxy's clock, when it was stored.",
    labels: ["proxy"],
    buckets: exponentialBuckets(0.05, 3, 12),
  }),
  auditRetentionHeld: define({
    name: "sallyport_audit_retention_held",
    type: "gauge",
    help: "1 while no old audit records are removed since the clock may have jumped ahead; always 0 without --audit-retention.",
    labels: [],
  }),
} as const;

const sinkMetrics = {
  sinkLagRecords: define({
    name: "sallyport_sink_lag_records",
    type: "gauge",
    help: "Records that are stored and that an audit sink has not confirmed. Only of the process that delivers to it.",
    labels: ["sink"],
  }),
  sinkLagSeconds: define({
    name: "sallyport_sink_lag_seconds",
    type: "gauge",
    help: "How long ago the oldest record that an audit sink has not confirmed was stored. 0 where it has all.",
    labels: ["sink"],
  }),
  sinkDelivered: define({
    name: "sallyport_sink_delivered_total",
    type: "counter",
    help: "Records that an audit sink has confirmed.",
    labels: ["sink"],
  }),
  sinkBytes: define({
    name: "sallyport_sink_delivered_bytes_total",
    type: "counter",
    help: "Bytes of the records that an audit sink has confirmed, before compression.",
    labels: ["sink"],
  }),
  sinkFailures: define({
    name: "sallyport_sink_failures_total",
    type: "counter",
    help: "Deliveries that were not confirmed and are tried again: unreachable, throttled, or refused, which a person must mend.",
    labels: ["sink", "kind"],
  }),
  sinkFailing: define({
    name: "sallyport_sink_failing",
    type: "gauge",
    help: "1 for the way in which the last delivery to an audit sink failed (unreachable, throttled, refused), 0 for the others, and for all while deliveries succeed.",
    labels: ["sink", "kind"],
  }),
  sinkLost: define({
    name: "sallyport_sink_lost_records_total",
    type: "counter",
    help: "Records that retention removed before an audit sink had them.",
    labels: ["sink"],
  }),
} as const;

const processMetrics = {
  buildInfo: define({
    name: "sallyport_build_info",
    type: "gauge",
    help: "Always 1; says what runs.",
    labels: ["version", "node", "installation"],
  }),
  checks: define({
    name: "sallyport_health_check",
    type: "gauge",
    help: "1 where a check of /healthz or /readyz passes, 0 where it fails.",
    labels: ["probe", "check"],
  }),
  dropped: droppedSeries,
} as const;

/** Metrics that are ours. */
export const ownMetrics = { ...objectMetrics, ...awsMetrics, ...proxyMetrics, ...sinkMetrics, ...processMetrics };

/** All definitions, as `docs/metrics.md` groups them. */
export const metricGroups: readonly { readonly title: string; readonly definitions: readonly MetricDefinition[] }[] = [
  { title: "Grants and what they depend on", definitions: Object.values(objectMetrics) },
  { title: "AWS", definitions: Object.values(awsMetrics) },
  { title: "Proxies and audit", definitions: Object.values(proxyMetrics) },
  { title: "Audit sinks", definitions: Object.values(sinkMetrics) },
  { title: "The process", definitions: Object.values(processMetrics) },
  { title: "As controller-runtime and client-go name them", definitions: Object.values(runtimeMetrics) },
];

/** Everything that the controller's own code exposes. prom-client adds `process_*` and `nodejs_*`. */
export const controllerMetrics = metricGroups.flatMap(({ definitions }) => definitions);
