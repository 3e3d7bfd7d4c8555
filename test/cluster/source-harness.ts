import { manualClock, systemClock, type ManualClock } from "#lib/clock.ts";
import { silentLog, type Log } from "#lib/log.ts";
import { formatKey, type AnyObject, type ObjectKey } from "#kinds/index.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { originProof } from "#controller/admission/origin-proof.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import { loadKubeAccess } from "#controller/kube/kubeconfig.ts";
import { isEarlier } from "#controller/kube/object.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import type { SourceHarness } from "#controller/source/contract.ts";
import type { Manifest } from "#controller/source/contract-objects.ts";
import type { ClusterSourceOptions } from "#controller/source/cluster/options.ts";
import { createClusterSource, type ClusterSource } from "#controller/source/cluster/source.ts";

/** Longer than the first waits after a failure, in milliseconds. */
const retryMs = 2_000;

/** Two namespaces of a real API server that belong to one test: one for its objects, one for the controller. */
export class ClusterHarness implements SourceHarness {
  readonly clock: ManualClock = manualClock();
  readonly namespace: string;
  readonly ownNamespace: string;
  readonly transport: KubeTransport;
  readonly #plane: ControlPlane;
  readonly #log: Log;
  #source: ClusterSource | undefined;
  #isStarted = false;

  private constructor(plane: ControlPlane, transport: KubeTransport, namespaces: readonly [string, string], log: Log) {
    this.#plane = plane;
    this.transport = transport;
    this.#log = log;
    [this.namespace, this.ownNamespace] = namespaces;
  }

  /** Makes the namespaces. Requests go to `plane`, or through what stands before it where a kubeconfig is given. */
  static async make(plane: ControlPlane, options: { readonly file?: string; readonly log?: Log } = {}) {
    const { file = plane.kubeconfigFile, log = silentLog } = options;
    const access = await loadKubeAccess({ file, environment: {} });
    const transport = createKubeTransport({ access, version: "0.0.0", clock: systemClock });
    const namespaces = [await plane.createNamespace("objects"), await plane.createNamespace("own")] as const;
    return new ClusterHarness(plane, transport, namespaces, log);
  }

  open(options: Partial<ClusterSourceOptions> = {}): ClusterSource {
    const { clock, transport, ownNamespace, namespace } = this;
    const origin = originProof("a key of tests", "test");
    const own = { transport, clock, random: () => 0.5, log: this.#log, namespaces: [namespace], ownNamespace, origin };
    const source = createClusterSource({ ...own, ...options });
    const start = source.start.bind(source);
    this.#isStarted = false;
    this.#source = Object.assign(source, {
      start: async () => {
        await this.#throughFailures(start());
        this.#isStarted = true;
      },
    });
    return this.#source;
  }

  /** The source that was opened last. */
  get source(): ClusterSource {
    if (this.#source === undefined) {
      throw new Error("nothing is open");
    }
    return this.#source;
  }

  async apply(manifest: Manifest): Promise<void> {
    const { name } = manifest.metadata;
    const key: ObjectKey = { kind: manifest.kind as ObjectKey["kind"], namespace: this.namespace, name };
    const contentType = "application/apply-patch+yaml";
    const path = `${this.path(key)}?fieldManager=kubectl&force=true`;
    const { status, body } = await this.#plane.request({ method: "PATCH", path, body: manifest, contentType });
    if (status >= 300) {
      throw new Error(`could not apply ${formatKey(key)}: ${JSON.stringify(body)}`);
    }
    const { resourceVersion } = (body as AnyObject).metadata;
    await this.seen(key, (known) => isEarlier(known?.metadata.resourceVersion, resourceVersion) === false);
  }

  async remove(key: ObjectKey): Promise<void> {
    await this.#plane.request({ method: "DELETE", path: this.path(key) });
    await this.seen(key, (known) => known?.metadata.deletionTimestamp !== undefined || known === undefined);
  }

  async uidOf(key: ObjectKey): Promise<string> {
    return (await this.read(key)).metadata.uid ?? "";
  }

  /** The object as the API server has it. */
  async read(key: ObjectKey): Promise<AnyObject> {
    return (await this.#plane.request({ path: this.path(key) })).body as AnyObject;
  }

  /** The object's path. */
  path({ kind, name }: Pick<ObjectKey, "kind" | "name">): string {
    return `/apis/sallyport.dev/v1alpha1/namespaces/${this.namespace}/${definitions[kind].plural}/${name}`;
  }

  /** Resolves when the source sees the object as `isSo` wants it. At once where the source is not started. */
  async seen(key: ObjectKey, isSo: (object: AnyObject | undefined) => boolean): Promise<void> {
    if (!this.#isStarted) {
      return;
    }
    const done = Promise.withResolvers<void>();
    const look = (): void => {
      if (isSo(this.source.get(key.kind, key.namespace, key.name)?.object)) {
        done.resolve();
      }
    };
    const leave = this.source.subscribe(look);
    look();
    await this.#throughFailures(done.promise);
    leave();
  }

  /** The manual clock moves on while a list or watch waits after a failure: a server that has only just learned of a kind answers 429. */
  async #throughFailures(work: Promise<unknown>): Promise<void> {
    const done = (): boolean => true;
    const ended = work.then(done, done);
    const goOn = (): boolean => false;
    while (!(await Promise.race([ended, this.#plane.request({ path: "/readyz" }).then(goOn, goOn)]))) {
      if ([...this.source.watches().values()].some(({ failure }) => failure !== undefined)) {
        this.clock.advance(retryMs);
      }
    }
    await work;
  }

  /** Resolves when `isSo` holds, which is asked again after each answer of the API server to something else. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      await this.#plane.request({ path: "/readyz" });
    }
  }

  async dispose(): Promise<void> {
    await this.#source?.close();
    this.transport.close();
  }
}
