import type { WebSocket } from "ws";
import type { Grant } from "#kinds/index.ts";
import type { CutReport, LinkGrant, ProxyStatus } from "#wire/link.ts";
import type { LinkedTask } from "../services.ts";
import type { ProvenTask } from "./authenticate.ts";
import { Link, type LinkHost } from "./link.ts";

/** What the registry needs beyond what each link needs. */
export type LinksOptions = Omit<LinkHost, "onLinked" | "onGone" | "onCut" | "onStatus" | "grantsOf"> & {
  /** The grant as proxies see it; undefined for one that never was access. */
  readonly linkGrantOf: (grant: Grant, nowMs: number) => LinkGrant | undefined;
  /** A task linked, went, or reported: its Proxy is worth another look. */
  readonly onProxyChanged: (proxyKey: string) => void;
  readonly onCut: (task: ProvenTask, report: CutReport) => void;
};

/** All proxy tasks that are linked now, and what they last reported. */
export class Links {
  readonly #options: LinksOptions;
  readonly #host: LinkHost;
  readonly #links = new Set<Link>();
  readonly #waiting = new Set<Link>();
  readonly #reports = new Map<string, ProxyStatus>();

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#host = {
      ...options,
      grantsOf: (proxyKey) => this.#grantsOf(proxyKey),
      onLinked: (link) => this.#linked(link),
      onGone: (link) => this.#gone(link),
      onStatus: (task, status) => {
        this.#reports.set(task.taskARN, status);
        options.onProxyChanged(task.proxyKey);
      },
    };
  }

  /** Takes a WebSocket that asked for `/v1/link`. */
  accept(socket: WebSocket): void {
    const link = new Link(socket, this.#host);
    this.#waiting.add(link);
    socket.on("close", () => this.#waiting.delete(link));
  }

  /** Tells the tasks of the grant's Proxy that it changed. Called after each write of a Grant's status. */
  grantChanged(grant: Grant): void {
    const proxyKey = proxyKeyOf(grant);
    const linkGrant = this.#options.linkGrantOf(grant, this.#options.clock.now());
    if (linkGrant === undefined || proxyKey === undefined) {
      return;
    }
    for (const link of this.#links) {
      if (link.task?.proxyKey === proxyKey) {
        link.sendGrant(linkGrant);
      }
    }
  }

  /** Tasks of that Proxy (`namespace/name`) that are linked now. */
  tasksOf(proxyKey: string): LinkedTask[] {
    return [...this.#links].flatMap((link) =>
      link.task?.proxyKey === proxyKey
        ? [{ taskARN: link.task.taskARN, version: link.version, skewMs: link.skewMs }]
        : [],
    );
  }

  /** What the linked tasks last said of a Database (`namespace/name`). */
  reportsOn(databaseKey: string): ProxyStatus["databases"][number][] {
    return [...this.#reports.values()].flatMap((report) =>
      report.databases.filter((entry) => entry.key === databaseKey),
    );
  }

  /** Ends every link; the tasks keep enforcing what they know and come back when they can. */
  close(): void {
    for (const link of [...this.#links, ...this.#waiting]) {
      link.close("the controller is stopping");
    }
  }

  #linked(link: Link): void {
    this.#links.add(link);
    if (link.task !== undefined) {
      this.#options.onProxyChanged(link.task.proxyKey);
    }
  }

  #gone(link: Link): void {
    this.#links.delete(link);
    if (link.task !== undefined) {
      this.#reports.delete(link.task.taskARN);
      this.#options.onProxyChanged(link.task.proxyKey);
    }
  }

  #grantsOf(proxyKey: string): LinkGrant[] {
    return this.#options.source.list("Grant").flatMap(({ object: grant }) => {
      const linkGrant =
        proxyKeyOf(grant) === proxyKey ? this.#options.linkGrantOf(grant, this.#options.clock.now()) : undefined;
      return linkGrant === undefined ? [] : [linkGrant];
    });
  }
}

function proxyKeyOf(grant: Grant): string | undefined {
  const proxy = grant.status?.target?.proxy;
  return proxy === undefined ? undefined : `${grant.metadata.namespace}/${proxy}`;
}
