import { canonicalJson } from "#kinds/index.ts";
import { createHash } from "node:crypto";
import { isKubeFailure } from "../kube/failure.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { expectedPolicies, parametersName } from "./expected.ts";

/** The part of a policy, a binding or the parameters that a verdict rests on. */
export interface Found {
  readonly metadata: {
    readonly generation?: number;
    /** RFC 3339, by the API server's clock. */
    readonly creationTimestamp?: string;
    readonly managedFields?: readonly {
      readonly time?: string;
      readonly fieldsV1?: Readonly<Record<string, unknown>>;
    }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** One look at everything, undefined for what is not there. */
export interface AdmissionLook {
  /** By name, for each of `expectedPolicies`. */
  readonly policies: ReadonlyMap<string, { readonly policy: Found | undefined; readonly binding: Found | undefined }>;
  readonly parameters: Found | undefined;
  /** Namespace that the parameters must be in: the controller's own. */
  readonly namespace: string;
}

const admission = "/apis/admissionregistration.k8s.io/v1";

/** Reads the policies, their bindings and their parameters: nine small reads. Rejects with a `KubeFailure`. */
export async function lookAtAdmission(
  transport: KubeTransport,
  namespace: string,
  signal?: AbortSignal,
): Promise<AdmissionLook> {
  const read = async (path: string): Promise<Found | undefined> => {
    try {
      return await transport.request<Found>({ method: "GET", path, ...(signal === undefined ? {} : { signal }) });
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        return undefined;
      }
      throw thrown;
    }
  };
  const [parameters, ...policies] = await Promise.all([
    read(`/api/v1/namespaces/${namespace}/configmaps/${parametersName}`),
    ...expectedPolicies.map(async ({ name }) => {
      const [policy, binding] = await Promise.all([
        read(`${admission}/validatingadmissionpolicies/${name}`),
        read(`${admission}/validatingadmissionpolicybindings/${name}`),
      ]);
      return [name, { policy, binding }] as const;
    }),
  ]);
  return { policies: new Map(policies), parameters, namespace };
}

/** Digest of a policy's or binding's spec: `sha256:` and hexadecimal digits. The namespace of the parameters is compared apart. */
export function admissionDigest(spec: Readonly<Record<string, unknown>> | undefined): string {
  const { paramRef, ...others } = spec ?? {};
  const { namespace: _, ...reference } = (paramRef ?? {}) as Readonly<Record<string, unknown>>;
  const text = canonicalJson(paramRef === undefined ? others : { ...others, paramRef: reference });
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
