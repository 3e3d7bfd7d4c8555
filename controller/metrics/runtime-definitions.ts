import { define, exponentialBuckets } from "#lib/metrics/definition.ts";

// Names, labels and buckets of controller-runtime (`pkg/internal/controller/metrics`, `pkg/internal/metrics/workqueue.go`) and
// client-go, so that dashboards and alerts which people have for other controllers work for this one.

/** How a run ended. Ours never answers `requeue`: what comes back later says when. */
export const reconcileResults = ["success", "error", "requeue", "requeue_after"] as const;
export type ReconcileResult = (typeof reconcileResults)[number];

export const runtimeMetrics = {
  reconcileTotal: define({
    name: "controller_runtime_reconcile_total",
    type: "counter",
    help: "Runs of a reconciler by what they came to. A run that a person must answer first counts as error.",
    labels: ["controller", "result"],
  }),
  reconcileErrors: define({
    name: "controller_runtime_reconcile_errors_total",
    type: "counter",
    help: "Runs that ended in an error, those that are not tried again included.",
    labels: ["controller"],
  }),
  terminalErrors: define({
    name: "controller_runtime_terminal_reconcile_errors_total",
    type: "counter",
    help: "Runs that are not tried again before something changes: a person must act first.",
    labels: ["controller"],
  }),
  reconcilePanics: define({
    name: "controller_runtime_reconcile_panics_total",
    type: "counter",
    help: "Runs that ended in what only a mistake in the program throws.",
    labels: ["controller"],
  }),
  reconcileTimeouts: define({
    name: "controller_runtime_reconcile_timeouts_total",
    type: "counter",
    help: "Runs that were still going at their deadline.",
    labels: ["controller"],
  }),
  reconcileTime: define({
    name: "controller_runtime_reconcile_time_seconds",
    type: "histogram",
    help: "Length of a run.",
    labels: ["controller"],
    buckets: [
      0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75,
      2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
    ],
  }),
  maxConcurrent: define({
    name: "controller_runtime_max_concurrent_reconciles",
    type: "gauge",
    help: "Runs that may go on at a time. All controllers share one set of workers, so each could have all of them.",
    labels: ["controller"],
  }),
  activeWorkers: define({
    name: "controller_runtime_active_workers",
    type: "gauge",
    help: "Runs that are going on.",
    labels: ["controller"],
  }),
  queueDepth: define({
    name: "workqueue_depth",
    type: "gauge",
    help: "Keys that wait for a worker, without those that wait for a time. Priority is revoke, change or resync.",
    labels: ["name", "controller", "priority"],
  }),
  queueAdds: define({
    name: "workqueue_adds_total",
    type: "counter",
    help: "Keys that were queued and were not queued already.",
    labels: ["name", "controller"],
  }),
  queueRetries: define({
    name: "workqueue_retries_total",
    type: "counter",
    help: "Keys that were to come back after a time, for whatever reason.",
    labels: ["name", "controller"],
  }),
  queueDuration: define({
    name: "workqueue_queue_duration_seconds",
    type: "histogram",
    help: "How long a key waited for a worker.",
    labels: ["name", "controller"],
    buckets: exponentialBuckets(1e-8, 10, 12),
  }),
  workDuration: define({
    name: "workqueue_work_duration_seconds",
    type: "histogram",
    help: "How long a worker had a key.",
    labels: ["name", "controller"],
    buckets: exponentialBuckets(1e-8, 10, 12),
  }),
  unfinishedWork: define({
    name: "workqueue_unfinished_work_seconds",
    type: "gauge",
    help: "Time that workers have spent so far on keys they still have, added up. What grows and grows is stuck.",
    labels: ["name", "controller"],
  }),
  longestRunning: define({
    name: "workqueue_longest_running_processor_seconds",
    type: "gauge",
    help: "How long the worker that has had its key for longest has had it.",
    labels: ["name", "controller"],
  }),
  restRequests: define({
    name: "rest_client_requests_total",
    type: "counter",
    help: "Answers of the API server, by status code; code <error> where there was none.",
    labels: ["code", "method", "host"],
  }),
  restDuration: define({
    name: "rest_client_request_duration_seconds",
    type: "histogram",
    help: "Time until the API server's answer was complete; of a watch, until it began.",
    labels: ["verb", "host"],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
  }),
  masterStatus: define({
    name: "leader_election_master_status",
    type: "gauge",
    help: "1 while this process holds the Lease, else 0.",
    labels: ["name"],
  }),
} as const;
