/** A series and its values, one a minute from minute 0, in promtool's notation (Prometheus, "Unit testing for rules", series). */
export type Series = readonly [series: string, values: string];

/** When the rule fires, an hour after the first value, and when it only nearly does. */
export interface RuleCase {
  readonly fires: readonly Series[];
  /** Labels of the alert besides its name and severity. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly quiet: readonly Series[];
}

const always = (value: number): string => `${value}x60`;
const rising = (perMinute: number): string => `0+${perMinute}x60`;
/** 0 until minute 55, then 1: it happened for the first time, within the rules' quarter of an hour. */
const once = "0x54 1x5";
/** No series until minute 55, then 1: a counter is born with its first event. */
const born = "_x54 1x5";
const longAgo = "0x2 1x57";

/** A histogram of which `share` percent of 100 observations a minute are above the bound `le`. */
function histogram(name: string, labels: string, le: string, above: number): Series[] {
  const separator = labels === "" ? "" : ",";
  return [
    [`${name}_bucket{${labels}${separator}le="0.001"}`, always(0)],
    [`${name}_bucket{${labels}${separator}le="${le}"}`, rising(100 - above)],
    [`${name}_bucket{${labels}${separator}le="100000"}`, rising(100)],
    [`${name}_bucket{${labels}${separator}le="+Inf"}`, rising(100)],
  ];
}

const condition = 'sallyport_grant_conditions{type="Ready",status="False"';
const proxy = 'proxy="default/main"';
const sink = 'sink="s3://audit/trail"';
const aws = (code: string): string => `sallyport_aws_errors_total{service="sso",operation="X",code="${code}"}`;
const requests: Series = ['sallyport_aws_requests_total{service="sso",operation="X"}', rising(100)];
const lag = (step: string, le: string, above: number): Series[] =>
  histogram("sallyport_grant_revocation_lag_seconds", `step="${step}"`, le, above);
const ready = (status: number): Series => [
  'sallyport_condition{kind="Proxy",namespace="a",name="main",type="Ready",status="True"}',
  always(status),
];
const leader = (replica: number, status: number): Series => [
  `leader_election_master_status{name="sallyport",instance="${replica}"}`,
  always(status),
];
const rare = (series: string): Pick<RuleCase, "fires" | "quiet"> => ({
  fires: [[series, born]],
  quiet: [[series, longAgo]],
});

/** One case for each alert. */
export const ruleCases: Readonly<Record<string, RuleCase>> = {
  SallyportRevocationFailing: {
    fires: [[`${condition},reason="RevocationFailed"}`, always(1)]],
    quiet: [
      [`${condition},reason="RevocationFailed"}`, always(0)],
      [`${condition},reason="PendingApproval"}`, always(9)],
    ],
  },
  SallyportRevocationStuck: {
    fires: [['sallyport_grant_oldest_seconds{state="revoking"}', always(601)]],
    quiet: [
      ['sallyport_grant_oldest_seconds{state="revoking"}', always(600)],
      ['sallyport_grant_oldest_seconds{state="provisioning"}', always(800)],
    ],
  },
  SallyportProxyCutSlow: { fires: lag("proxy_cut", "20", 50), quiet: lag("proxy_cut", "5", 0) },
  SallyportRevocationSlow: {
    fires: lag("assignment_removed", "600", 50),
    labels: { step: "assignment_removed" },
    quiet: [...lag("assignment_removed", "120", 0), ...lag("permission_set_removed", "120", 0)],
  },
  SallyportProvisioningStuck: {
    fires: [['sallyport_grant_oldest_seconds{state="provisioning"}', always(901)]],
    quiet: [['sallyport_grant_oldest_seconds{state="provisioning"}', always(900)]],
  },
  SallyportQuotaReached: {
    fires: [[`${condition},reason="QuotaExceeded"}`, always(3)]],
    quiet: [[`${condition},reason="PendingApproval"}`, always(3)]],
  },
  SallyportBreakGlassUsed: {
    fires: [['sallyport_grant_conditions{type="BreakGlass",status="True",reason="StepsSkipped"}', always(1)]],
    quiet: [['sallyport_grant_conditions{type="BreakGlass",status="True",reason="StepsSkipped"}', always(0)]],
  },
  SallyportForeignAssignment: {
    fires: [[`${condition},reason="NotOwned"}`, always(1)]],
    labels: { reason: "NotOwned" },
    quiet: [
      [`${condition},reason="ForeignAssignment"}`, always(0)],
      [`${condition},reason="DriftDetected"}`, always(2)],
    ],
  },
  SallyportDriftDetected: {
    fires: [['sallyport_drift_detected_total{kind="Grant"}', once]],
    labels: { kind: "Grant" },
    quiet: [['sallyport_drift_detected_total{kind="Grant"}', always(7)]],
  },
  SallyportHeldDeletions: {
    fires: [["sallyport_held_deletions", always(12)]],
    quiet: [["sallyport_held_deletions", always(0)]],
  },
  SallyportOrphansHeld: {
    fires: [
      ['sallyport_orphans_held{instance="1"}', always(12)],
      ['sallyport_orphans_held{instance="2"}', always(0)],
    ],
    quiet: [["sallyport_orphans_held", always(0)]],
  },
  SallyportSourceProblems: {
    fires: [["sallyport_source_problems", always(1)]],
    quiet: [["sallyport_source_problems", "0x50 1x9"]],
  },
  SallyportObjectNotReady: {
    fires: [ready(0)],
    labels: { kind: "Proxy", namespace: "a", name: "main" },
    quiet: [ready(1)],
  },
  SallyportAbsent: {
    fires: [["sallyport_held_deletions", always(0)]],
    quiet: [["sallyport_build_info", always(1)]],
  },
  SallyportNoLeader: {
    fires: [leader(1, 0), leader(2, 0)],
    labels: { name: "sallyport" },
    quiet: [leader(1, 0), leader(2, 1)],
  },
  SallyportTwoLeaders: {
    fires: [leader(1, 1), leader(2, 1)],
    labels: { name: "sallyport" },
    quiet: [leader(1, 0), leader(2, 1)],
  },
  SallyportNotSynced: {
    fires: [["sallyport_source_synced", always(0)]],
    quiet: [["sallyport_source_synced", "0x4 1x55"]],
  },
  SallyportReflectorStale: {
    fires: [['sallyport_reflector_last_event_timestamp_seconds{reflector="grants"}', "0+60x50 3000x9"]],
    labels: { reflector: "grants" },
    quiet: [['sallyport_reflector_last_event_timestamp_seconds{reflector="grants"}', "0+60x60"]],
  },
  SallyportFolderStale: {
    // The clock of a test begins at 0: a folder that was never read has been stale for as long as there is time.
    fires: [["sallyport_folder_last_read_timestamp_seconds", always(0)]],
    quiet: [["sallyport_folder_last_read_timestamp_seconds", "0+60x54 3240x5"]],
  },
  SallyportHealthCheckFailing: {
    fires: [['sallyport_health_check{probe="healthz",check="clock"}', always(0)]],
    labels: { probe: "healthz", check: "clock" },
    quiet: [['sallyport_health_check{probe="healthz",check="clock"}', always(1)]],
  },
  SallyportWorkerStuck: {
    fires: [['workqueue_longest_running_processor_seconds{name="grant",controller="grant"}', always(241)]],
    labels: { controller: "grant" },
    quiet: [['workqueue_longest_running_processor_seconds{name="grant",controller="grant"}', always(240)]],
  },
  SallyportQueueSlow: {
    fires: histogram("workqueue_queue_duration_seconds", 'name="grant",controller="grant"', "100", 50),
    labels: { name: "grant" },
    quiet: histogram("workqueue_queue_duration_seconds", 'name="grant",controller="grant"', "10", 0),
  },
  SallyportReconcileErrors: {
    fires: [
      ['controller_runtime_reconcile_errors_total{controller="grant"}', rising(20)],
      ['controller_runtime_terminal_reconcile_errors_total{controller="grant"}', rising(10)],
    ],
    labels: { controller: "grant" },
    quiet: [
      ['controller_runtime_reconcile_errors_total{controller="grant"}', rising(20)],
      ['controller_runtime_terminal_reconcile_errors_total{controller="grant"}', rising(18)],
    ],
  },
  SallyportDefect: {
    fires: [['controller_runtime_reconcile_panics_total{controller="grant"}', once]],
    labels: { controller: "grant" },
    quiet: [['controller_runtime_reconcile_panics_total{controller="grant"}', longAgo]],
  },
  SallyportEventLoopSlow: {
    fires: [
      ['nodejs_eventloop_lag_p99_seconds{job="sallyport",instance="1"}', always(1.5)],
      ['sallyport_build_info{job="sallyport",instance="1"}', always(1)],
    ],
    labels: { job: "sallyport", instance: "1" },
    quiet: [
      ['nodejs_eventloop_lag_p99_seconds{job="another",instance="2"}', always(9)],
      ['nodejs_eventloop_lag_p99_seconds{job="sallyport",instance="1"}', always(1)],
      ['sallyport_build_info{job="sallyport",instance="1"}', always(1)],
    ],
  },
  SallyportMetricsDropped: {
    fires: [['sallyport_metrics_dropped_total{metric="x"}', born]],
    labels: { metric: "x" },
    quiet: [['sallyport_metrics_dropped_total{metric="x"}', always(3)]],
  },
  SallyportAwsDenied: {
    fires: [[aws("ExpiredTokenException"), rising(1)]],
    labels: { service: "sso", code: "ExpiredTokenException" },
    quiet: [[aws("ResourceNotFoundException"), rising(1)]],
  },
  SallyportAwsThrottled: {
    fires: [[aws("ThrottlingException"), rising(9)]],
    labels: { service: "sso" },
    quiet: [[aws("ThrottlingException"), rising(5)]],
  },
  SallyportAwsErrors: {
    fires: [requests, [aws("InternalServerException"), rising(6)]],
    labels: { service: "sso" },
    quiet: [requests, [aws("InternalServerException"), rising(4)], [aws("ConflictException"), rising(50)]],
  },
  SallyportAwsQueueLong: {
    fires: histogram("sallyport_aws_limiter_wait_seconds", 'limiter="sso",urgency="revoke"', "10", 50),
    labels: { limiter: "sso" },
    quiet: [
      ...histogram("sallyport_aws_limiter_wait_seconds", 'limiter="sso",urgency="revoke"', "1", 0),
      ...histogram("sallyport_aws_limiter_wait_seconds", 'limiter="sso",urgency="change"', "60", 90),
    ],
  },
  SallyportProxyWithoutTasks: {
    fires: [
      [`sallyport_proxy_tasks{${proxy},instance="1"}`, always(0)],
      [`sallyport_proxy_tasks{${proxy},instance="2"}`, always(0)],
    ],
    labels: { proxy: "default/main" },
    quiet: [
      [`sallyport_proxy_tasks{${proxy},instance="1"}`, always(0)],
      [`sallyport_proxy_tasks{${proxy},instance="2"}`, always(1)],
    ],
  },
  SallyportClockSkew: {
    fires: [[`sallyport_clock_skew_seconds{${proxy}}`, always(-31)]],
    labels: { proxy: "default/main" },
    quiet: [[`sallyport_clock_skew_seconds{${proxy}}`, always(30)]],
  },
  SallyportAuditGap: {
    ...rare(`sallyport_audit_gaps_total{${proxy},reason="spool-full"}`),
    labels: { proxy: "default/main", reason: "spool-full" },
  },
  SallyportAuditFinding: {
    ...rare(`sallyport_audit_findings_total{${proxy},kind="chain-mismatch"}`),
    labels: { proxy: "default/main", kind: "chain-mismatch" },
  },
  SallyportAuditRefused: {
    ...rare(`sallyport_audit_batches_refused_total{${proxy}}`),
    labels: { proxy: "default/main" },
  },
  SallyportAuditLate: {
    fires: histogram("sallyport_audit_lag_seconds", proxy, "300", 50),
    labels: { proxy: "default/main" },
    quiet: histogram("sallyport_audit_lag_seconds", proxy, "60", 0),
  },
  SallyportRetentionHeld: {
    fires: [["sallyport_audit_retention_held", always(1)]],
    labels: {},
    quiet: [["sallyport_audit_retention_held", always(0)]],
  },
  SallyportStatementsDenied: {
    // Minute 50, looked at in minute 59; minute 40.
    fires: [[`sallyport_proxy_spool_last_denied_timestamp_seconds{${proxy}}`, always(3_000)]],
    labels: { proxy: "default/main" },
    quiet: [[`sallyport_proxy_spool_last_denied_timestamp_seconds{${proxy}}`, always(2_400)]],
  },
  SallyportSpoolFilling: {
    fires: [[`sallyport_proxy_spool_used_ratio{${proxy}}`, always(0.51)]],
    labels: { proxy: "default/main" },
    quiet: [[`sallyport_proxy_spool_used_ratio{${proxy}}`, always(0.5)]],
  },
  SallyportSpoolOld: {
    fires: [[`sallyport_proxy_spool_oldest_seconds{${proxy}}`, always(301)]],
    labels: { proxy: "default/main" },
    quiet: [[`sallyport_proxy_spool_oldest_seconds{${proxy}}`, always(300)]],
  },
  SallyportSinkRefused: {
    fires: [[`sallyport_sink_failing{${sink},kind="refused"}`, always(1)]],
    labels: { sink: "s3://audit/trail" },
    quiet: [
      [`sallyport_sink_failing{${sink},kind="refused"}`, always(0)],
      [`sallyport_sink_failing{${sink},kind="unreachable"}`, always(1)],
    ],
  },
  SallyportSinkBehind: {
    fires: [[`sallyport_sink_lag_seconds{${sink}}`, always(901)]],
    labels: { sink: "s3://audit/trail" },
    quiet: [[`sallyport_sink_lag_seconds{${sink}}`, always(900)]],
  },
  SallyportSinkLost: {
    ...rare(`sallyport_sink_lost_records_total{${sink}}`),
    labels: { sink: "s3://audit/trail" },
  },
};
