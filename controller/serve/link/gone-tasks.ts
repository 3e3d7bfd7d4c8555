import type { HeadLog } from "#audit/heads.ts";
import type { TaskHead } from "#audit/store/store.ts";
import type { Proxy } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { AccountPort } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";

/** How often tasks are compared with ECS. A gone task changes nothing for people; only its open sessions are judged later. */
export const gonePeriodMs = 60_000;

export interface GoneTasksOptions {
  readonly source: Source;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: (proxy: Proxy) => AccountPort;
  /** All tasks that ever shipped audit records. */
  readonly heads: () => Promise<readonly TaskHead[]>;
  readonly headLog: Pick<HeadLog, "endTask">;
  readonly linkedTasks: (proxyKey: string) => readonly { readonly taskARN: string }[];
}

/**
 * Notices proxy tasks that are gone for good, so that verification can tell a session that is still open from one whose end
 * was lost: ECS wipes a stopped task's storage and never starts it again.
 */
export class GoneTasks {
  readonly #options: GoneTasksOptions;
  readonly #ended = new Set<string>();
  #cancel: () => void = () => {};

  constructor(options: GoneTasksOptions) {
    this.#options = options;
  }

  /** Looks now and then every minute until `stop`. */
  start(): void {
    void this.look()
      .catch((error: unknown) => {
        this.#options.log.warn("proxy tasks could not be compared with ECS", { error: coerceError(error) });
      })
      .finally(() => {
        this.#cancel = this.#options.clock.after(gonePeriodMs, () => this.start());
      });
  }

  stop(): void {
    this.#cancel();
  }

  /** Compares once. A task counts as gone when it is not linked and ECS lists it neither as running nor as starting. */
  async look(): Promise<void> {
    const { heads, headLog, log } = this.#options;
    const open = (await heads()).filter(({ proxy, task }) => !this.#ended.has(`${proxy} ${task}`));
    for (const [proxyKey, tasks] of Map.groupBy(open, (head) => head.proxy)) {
      const present = await this.#present(proxyKey);
      for (const { task } of present === undefined ? [] : tasks) {
        if (present?.has(task) === false) {
          headLog.endTask(proxyKey, task, "ECS no longer lists the task");
          this.#ended.add(`${proxyKey} ${task}`);
          log.info("proxy task is gone for good", { proxy: proxyKey, task });
        }
      }
    }
  }

  /** IDs of the tasks that are linked or known to ECS; undefined when there is no such Proxy to ask about. */
  async #present(proxyKey: string): Promise<ReadonlySet<string> | undefined> {
    const [namespace = "", name = ""] = proxyKey.split("/");
    const proxy = this.#options.source.get("Proxy", namespace, name)?.object;
    if (proxy === undefined) {
      return undefined;
    }
    const { clusterName, serviceName, containerName } = proxy.spec.ecs;
    const listed = await this.#options.account(proxy).listTasks(clusterName, serviceName, containerName);
    const alive = listed.filter((task) => task.lastStatus !== "STOPPED");
    return new Set(
      [...alive, ...this.#options.linkedTasks(proxyKey)].map(({ taskARN }) => taskARN.split("/").at(-1) ?? ""),
    );
  }
}
