import type { RunnerStatus, SinkRecorder } from "#audit/sinks/runner.ts";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import type { AwsRecorder } from "../aws/measure.ts";
import type { KubeRequestRecord } from "../kube/transport.ts";
import type { Leadership } from "../leadership/leadership.ts";
import {
  clockCheck,
  leaseCheck,
  loopCheck,
  reflectorsCheck,
  syncedCheck,
  type ReflectorPulse,
} from "../probes/checks.ts";
import { failureOf, type Check } from "../probes/check.ts";
import { EventLoopWatch } from "../probes/event-loop.ts";
import { listenHTTP, type HTTPListener, type ListenAddress } from "../probes/listener.ts";
import { probeAnswerer, type ProbeChecks } from "../probes/probes.ts";
import type { Loop } from "../reconcile/loop.ts";
import type { LoopRecorder } from "../reconcile/recorder.ts";
import type { AuditRecorder } from "../serve/audit-trail.ts";
import type { Source } from "../source/source.ts";
import type { Access } from "./access.ts";
import { auditRecorder } from "./audit.ts";
import { awsRecorder } from "./aws.ts";
import { ownMetrics } from "./definitions.ts";
import { countDrift } from "./drift.ts";
import { kubeRecorder, showLeadership } from "./kube.ts";
import { loopRecorder } from "./loop.ts";
import { revocationRecorder, type RevocationRecorder } from "./revocation.ts";
import { metricsAnswerer } from "./server.ts";
import { showSinks, sinkRecorder } from "./sinks.ts";
import { showState, type ObservedState, type ReflectorView } from "./state.ts";

/** What telemetry needs before anything else of the controller is there. */
export interface TelemetryOptions {
  readonly version: string;
  readonly installation: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether to expose prom-client's figures of the process too; tests of several controllers in one process do not. */
  readonly processMetrics: boolean;
}

/** Where it is asked. */
export interface TelemetryListeners {
  /** `/healthz`, `/readyz`. Absent: not answered. */
  readonly probes?: ListenAddress | undefined;
  /** `/metrics`. Absent: not answered. */
  readonly metrics?:
    | {
        readonly address: ListenAddress;
        /** Present: HTTPS, and nobody may read before `protect` has said how to judge who asks. A token never comes in the clear. */
        readonly tls?: { readonly cert: string; readonly key: string };
      }
    | undefined;
}

/** The running parts that gauges and probes look at. */
export interface ObservedController extends Omit<ObservedState, "reflectors"> {
  readonly loop: Pick<Loop, "stats">;
  /** Cluster mode. */
  readonly reflectors?: () => readonly (ReflectorView & ReflectorPulse)[];
  /** Where a Lease decides who leads. */
  readonly lease?: {
    readonly name: string;
    readonly leadership: Pick<Leadership, "isLeading" | "onChange" | "lastRenewedMs">;
    readonly durationMs: number;
  };
}

/** Metrics and probes of one controller process: recorders for its parts, and the two listeners. */
export interface Telemetry {
  readonly registry: MetricRegistry;
  readonly loop: LoopRecorder;
  readonly aws: AwsRecorder;
  /** For each finished request to the API server. */
  readonly kube: (record: KubeRequestRecord) => void;
  readonly audit: AuditRecorder;
  readonly revocation: RevocationRecorder;
  readonly sinks: SinkRecorder;
  /** The source for reconcilers, with drift counted. */
  countDrift<S extends Source>(source: S): S;
  /** Begins to answer, before there is anything to say: alive, not ready. Rejects with a `UserError` where an address is taken. */
  listen(
    listeners: TelemetryListeners,
  ): Promise<{ readonly probes: number | undefined; readonly metrics: number | undefined }>;
  /** Shows how far the audit sinks of this process are. Call it once. */
  observeSinks(read: () => readonly RunnerStatus[]): void;
  /** Judges who may read metrics that are protected (`TelemetryListeners.metrics.tls`). */
  protect(access: Access): void;
  /** Shows the parts of the controller. Call it once, when they are there; a source may still be reading. */
  observe(controller: ObservedController): void;
  close(): Promise<void>;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  return new ControllerTelemetry(options);
}

class ControllerTelemetry implements Telemetry {
  readonly registry: MetricRegistry;
  readonly loop: LoopRecorder;
  readonly aws: AwsRecorder;
  readonly kube: (record: KubeRequestRecord) => void;
  readonly audit: AuditRecorder;
  readonly revocation: RevocationRecorder;
  readonly sinks: SinkRecorder;
  readonly #options: TelemetryOptions;
  readonly #eventLoop: EventLoopWatch;
  readonly #listeners: HTTPListener[] = [];
  #access: Access = () => Promise.resolve("unauthorized");
  #checks: { healthz: readonly Check[]; readyz: readonly Check[] };

  constructor(options: TelemetryOptions) {
    const { clock, log, version, installation } = options;
    const registry = new MetricRegistry({
      onUnreadable: (metric, error) => log.error("a metric could not be read", { metric, error }),
    });
    this.#options = options;
    this.#eventLoop = new EventLoopWatch(clock);
    this.#checks = {
      healthz: [clockCheck(clock), this.#eventLoop],
      readyz: [syncedCheck(() => false)],
    };
    this.registry = registry;
    this.loop = loopRecorder(registry, clock);
    this.aws = awsRecorder(registry);
    this.kube = kubeRecorder(registry);
    this.audit = auditRecorder(registry, clock);
    this.revocation = revocationRecorder(registry, clock);
    this.sinks = sinkRecorder(registry);
    registry.gauge(ownMetrics.buildInfo).set({ version, node: process.version, installation }, 1);
    registry.gaugeAtScrape(ownMetrics.checks, () => this.#checkSamples());
    if (options.processMetrics) {
      registry.addProcessMetrics();
    }
  }

  countDrift<S extends Source>(source: S): S {
    return countDrift(this.registry, source);
  }

  observeSinks(read: () => readonly RunnerStatus[]): void {
    showSinks(this.registry, read);
  }

  protect(access: Access): void {
    this.#access = access;
  }

  async listen(listeners: TelemetryListeners) {
    try {
      return await this.#listen(listeners);
    } catch (error) {
      // A listener that is left open would keep a process alive that could not start.
      await this.close();
      throw error;
    }
  }

  observe(controller: ObservedController): void {
    const { clock } = this.#options;
    const { loop, isSynced, reflectors, lease } = controller;
    showState(this.registry, { ...controller, ...(reflectors === undefined ? {} : { reflectors }) }, clock);
    const healthz = [...this.#checks.healthz, loopCheck(() => loop.stats())];
    if (reflectors !== undefined) {
      healthz.push(reflectorsCheck(reflectors, clock));
    }
    if (lease !== undefined) {
      healthz.push(leaseCheck(lease.leadership, lease.durationMs, clock));
      showLeadership(this.registry, lease.name, lease.leadership);
    }
    this.#checks = { healthz, readyz: [syncedCheck(isSynced)] };
  }

  async close(): Promise<void> {
    this.#eventLoop.stop();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #listen({ probes, metrics }: TelemetryListeners) {
    const { log } = this.#options;
    const probesPort = await this.#open(probes, (address) =>
      listenHTTP({ address, log, answer: probeAnswerer((): ProbeChecks => this.#checks, log) }),
    );
    const metricsPort = await this.#open(metrics, ({ address, tls }) => {
      const access: Access | undefined = tls === undefined ? undefined : (token) => this.#access(token);
      const answer = metricsAnswerer(this.registry, access);
      return listenHTTP({ address, log, answer, ...(tls === undefined ? {} : { tls }) });
    });
    return { probes: probesPort, metrics: metricsPort };
  }

  async #open<T>(wanted: T | undefined, open: (wanted: T) => Promise<HTTPListener>): Promise<number | undefined> {
    if (wanted === undefined) {
      return undefined;
    }
    const listener = await open(wanted);
    this.#listeners.push(listener);
    return listener.port;
  }

  *#checkSamples() {
    for (const [probe, checks] of Object.entries(this.#checks)) {
      for (const check of checks) {
        yield { labels: { probe, check: check.name }, value: failureOf(check) === undefined ? 1 : 0 };
      }
    }
  }
}
