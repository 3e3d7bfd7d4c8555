import type { WebSocket } from "ws";
import type { Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import { coerceError } from "#lib/errors.ts";
import type { CutReport, LinkGrant, ProxyStatus, SessionKilled } from "#wire/link.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import type { LinkedTask } from "../services.ts";
import type { ProvenTask } from "./authenticate.ts";
import { databasesOfNews, dutyOf, isNewsOfProxy } from "./duty.ts";
import { Link, type LinkHost } from "./link.ts";

/**
 * Connections that have not proven a task. After a restart every task of the installation comes at once and is proven within
 * seconds; each holds at most 64 KiB until then, 16 MiB in all.
 */
export const unprovenMax = 256;

/** What became of one session that was to end. */
export type KillOutcome = SessionKilled["outcome"] | "no-answer";

/** What the registry needs beyond what each link needs. */
export type LinksOptions = Omit<LinkHost, "onLinked" | "onGone" | "onCut" | "onStatus" | "grantsOf" | "dutyOf"> & {
  /** The grant as proxies see it; undefined for one that never was access. */
  readonly linkGrantOf: (grant: Grant, nowMs: number) => LinkGrant | undefined;
  /** A task linked, went, or reported: its Proxy is worth another look. */
  readonly onProxyChanged: (proxyKey: string) => void;
  /** What a task says of these Databases (`namespace/name`) is another thing than before. Absent: nobody asks. */
  readonly onDatabasesChanged?: (databaseKeys: readonly string[]) => void;
  readonly onCut: (task: ProvenTask, report: CutReport) => void;
};

/** All proxy tasks that are linked now, and what they last reported. */
export class Links {
  readonly #options: LinksOptions;
  readonly #host: LinkHost;
  /** By task ARN: one task has one link, the newest. */
  readonly #links = new Map<string, Link>();
  /** In the order they came. */
  readonly #unproven = new Set<Link>();
  readonly #reports = new Map<string, { readonly task: ProvenTask; readonly status: ProxyStatus }>();

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#host = {
      ...options,
      grantsOf: (proxyKey) => this.#grantsOf(proxyKey),
      dutyOf: (task) => dutyOf(options.source.get("Proxy", ...splitKey(task.proxyKey))?.object, task.taskARN),
      onLinked: (link) => this.#linked(link),
      onGone: (link) => this.#gone(link),
      onCut: (task, report) => this.#cut(task, report),
      onStatus: (task, status) => {
        const before = this.#reports.get(task.taskARN)?.status;
        this.#reports.set(task.taskARN, { task, status });
        if (isNewsOfProxy(before, status)) {
          options.onProxyChanged(task.proxyKey);
        }
        const databases = databasesOfNews(before, status);
        if (databases.length > 0) {
          options.onDatabasesChanged?.(databases);
        }
      },
    };
  }

  /** Takes a WebSocket that asked for `/v1/link`. */
  accept(socket: WebSocket): void {
    this.#makeRoom();
    const link = new Link(socket, this.#host);
    this.#unproven.add(link);
    socket.on("close", () => this.#unproven.delete(link));
  }

  /** Tells the tasks of the grant's Proxy that it changed. Called after each write of a Grant's status. Never throws. */
  grantChanged(grant: Grant): void {
    const proxyKey = proxyKeyOf(grant);
    if (proxyKey === undefined) {
      return;
    }
    try {
      const linkGrant = this.#options.linkGrantOf(grant, this.#options.clock.now());
      for (const link of linkGrant === undefined ? [] : this.#ofProxy(proxyKey)) {
        link.sendGrant(linkGrant as LinkGrant);
      }
    } catch (error) {
      // What was not told is told by the snapshot of the next link; an old state must not be believed until then.
      this.#options.log.error("a grant's change could not be told", { proxy: proxyKey, error: coerceError(error) });
      for (const link of this.#ofProxy(proxyKey)) {
        link.close("the controller could not tell a change");
      }
    }
  }

  /**
   * Ends one session of a grant. The task that reports it is asked; where none does, as just after it began, all of the Proxy are.
   * `unknown-session`: no task has it. `no-answer`: a task that may have it is not linked, does not answer or is too old to know how.
   */
  async killSession(grant: Grant, session: string, message: string): Promise<KillOutcome> {
    const links = this.#ofProxy(proxyKeyOf(grant) ?? "");
    const grantID = grant.status?.grantID ?? "";
    const holders = links.filter(({ task }) =>
      this.#reports.get(task?.taskARN ?? "")?.status.sessions.some((entry) => entry.session === session),
    );
    const asked = holders.length > 0 ? holders : links;
    const outcomes = await Promise.all(asked.map((link) => link.killSession({ session, grantID, message })));
    const ended = outcomes.find((outcome) => outcome !== undefined && outcome !== "unknown-session");
    return ended ?? (outcomes.length === 0 || outcomes.includes(undefined) ? "no-answer" : "unknown-session");
  }

  /** The status of that Proxy (`namespace/name`) may name other duties. */
  proxyChanged(proxyKey: string): void {
    for (const link of this.#ofProxy(proxyKey)) {
      link.sendDuty();
    }
  }

  /** Tasks of that Proxy (`namespace/name`) that are linked now. */
  tasksOf(proxyKey: string): LinkedTask[] {
    return this.#ofProxy(proxyKey).flatMap(({ task, version, skewMs }) => {
      if (task === undefined) {
        return [];
      }
      const { sessions, draining, protectionProblem, audit } = this.#reports.get(task.taskARN)?.status ?? {};
      const told = defined({ sessions: sessions?.length, draining, protectionProblem, audit });
      return [{ taskARN: task.taskARN, version, skewMs, ...told }];
    });
  }

  /** Every Proxy that has linked tasks, with what they report, for metrics. */
  overview(): { proxyKey: string; tasks: LinkedTask[]; sessions: number }[] {
    const keys = new Set([...this.#links.values()].flatMap(({ task }) => (task === undefined ? [] : [task.proxyKey])));
    return [...keys].map((proxyKey) => ({
      proxyKey,
      tasks: this.tasksOf(proxyKey),
      sessions: [...this.#reports.values()]
        .filter(({ task }) => task.proxyKey === proxyKey)
        .reduce((sum, { status }) => sum + status.sessions.length, 0),
    }));
  }

  /** What the linked tasks of a Database's own Proxy last said of it (`namespace/name`); another Proxy's word does not count. */
  reportsOn(databaseKey: string): ProxyStatus["databases"][number][] {
    const [namespace = "", name = ""] = databaseKey.split("/");
    const database = this.#options.source.get("Database", namespace, name)?.object;
    const proxyKey = `${namespace}/${database?.spec.proxyRef.name}`;
    return [...this.#reports.values()].flatMap(({ task, status }) =>
      task.proxyKey === proxyKey ? status.databases.filter((entry) => entry.key === databaseKey) : [],
    );
  }

  /** Ends every link; the tasks keep enforcing what they know and come back when they can. */
  close(): void {
    for (const link of [...this.#links.values(), ...this.#unproven]) {
      link.close("the controller is stopping");
    }
  }

  /** The oldest that has not even sent a proof goes first: a real task sends one at once. */
  #makeRoom(): void {
    if (this.#unproven.size < unprovenMax) {
      return;
    }
    const [first] = this.#unproven;
    const idle = [...this.#unproven].find((link) => !link.isProving) ?? first;
    if (idle !== undefined) {
      this.#unproven.delete(idle);
      idle.close("too many connections without a proof");
    }
  }

  #linked(link: Link): void {
    const { task } = link;
    if (task === undefined) {
      return;
    }
    this.#unproven.delete(link);
    const older = this.#links.get(task.taskARN);
    this.#links.set(task.taskARN, link);
    // The task has come back before its old connection was found dead.
    older?.close("the task has a newer link");
    this.#options.onProxyChanged(task.proxyKey);
  }

  #gone(link: Link): void {
    const { task } = link;
    if (task === undefined || this.#links.get(task.taskARN) !== link) {
      return;
    }
    this.#links.delete(task.taskARN);
    this.#reports.delete(task.taskARN);
    this.#options.onProxyChanged(task.proxyKey);
  }

  /** A proxy's report counts for its own Proxy's grants only. */
  #cut(task: ProvenTask, report: CutReport): void {
    const grant = findGrant(this.#options.source, report.grantID);
    if (grant !== undefined && proxyKeyOf(grant) !== task.proxyKey) {
      this.#options.log.warn("a proxy reported on another proxy's grant", { task: task.taskARN, ...report });
      return;
    }
    this.#options.onCut(task, report);
  }

  #ofProxy(proxyKey: string): Link[] {
    return [...this.#links.values()].filter((link) => link.task?.proxyKey === proxyKey);
  }

  #grantsOf(proxyKey: string): LinkGrant[] {
    const nowMs = this.#options.clock.now();
    return this.#options.source.list("Grant").flatMap(({ object: grant }) => {
      const linkGrant = proxyKeyOf(grant) === proxyKey ? this.#options.linkGrantOf(grant, nowMs) : undefined;
      return linkGrant === undefined ? [] : [linkGrant];
    });
  }
}

function splitKey(key: string): [namespace: string, name: string] {
  const [namespace = "", name = ""] = key.split("/");
  return [namespace, name];
}

function proxyKeyOf(grant: Grant): string | undefined {
  const proxy = grant.status?.target?.proxy;
  return proxy === undefined ? undefined : `${grant.metadata.namespace}/${proxy}`;
}
