import { isKubeFailure } from "./failure.ts";
import type { LeaseObject, LeaseSpec } from "./lease-record.ts";
import type { KubeTransport } from "./transport.ts";

export interface LeaseStoreOptions {
  readonly transport: Pick<KubeTransport, "request">;
  readonly namespace: string;
  readonly name: string;
  /** Put on the Lease with each write, beside those that others put there. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Of one request. */
  readonly timeoutMs: number;
}

/** One Lease on the API server. Everything rejects as `KubeTransport` does. */
export class LeaseStore {
  readonly #options: LeaseStoreOptions;
  readonly #path: string;

  constructor(options: LeaseStoreOptions) {
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`;
  }

  /** As it is now; undefined where there is none. */
  async read(signal?: AbortSignal): Promise<LeaseObject | undefined> {
    try {
      return await this.#request(
        { method: "GET", path: `${this.#path}/${encodeURIComponent(this.#options.name)}` },
        signal,
      );
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        return undefined;
      }
      throw thrown;
    }
  }

  /** Makes it; undefined where somebody else was first. */
  create(spec: LeaseSpec, signal?: AbortSignal): Promise<LeaseObject | undefined> {
    const { name, namespace, annotations } = this.#options;
    const body = object({ name, namespace, annotations }, spec);
    return unlessOutrun(this.#request({ method: "POST", path: this.#path, body }, signal));
  }

  /** Writes `spec` over the Lease that was read as `lease`; undefined where somebody else was first. */
  replace(lease: LeaseObject, spec: LeaseSpec, signal?: AbortSignal): Promise<LeaseObject | undefined> {
    const { name, annotations } = this.#options;
    const body = object({ ...lease.metadata, annotations: { ...lease.metadata.annotations, ...annotations } }, spec);
    const path = `${this.#path}/${encodeURIComponent(name)}`;
    return unlessOutrun(this.#request({ method: "PUT", path, body }, signal));
  }

  #request(
    request: { readonly method: "GET" | "POST" | "PUT"; readonly path: string; readonly body?: LeaseObject },
    signal: AbortSignal | undefined,
  ): Promise<LeaseObject> {
    const { transport, timeoutMs } = this.#options;
    return transport.request<LeaseObject>({ ...request, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  }
}

function object(metadata: LeaseObject["metadata"], spec: LeaseSpec): LeaseObject {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
}

async function unlessOutrun(written: Promise<LeaseObject>): Promise<LeaseObject | undefined> {
  try {
    return await written;
  } catch (thrown) {
    if (isKubeFailure(thrown, "conflict", "alreadyExists", "notFound")) {
      return undefined;
    }
    throw thrown;
  }
}
