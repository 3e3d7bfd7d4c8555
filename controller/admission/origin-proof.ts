import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { canonicalJson, type AnyObject } from "#kinds/index.ts";

/** Annotation that says where an object was made: `api`. Anybody who may create objects could write it. */
export const originAnnotation = "sallyport.dev/origin";
/** Annotation that proves it: only the controller has the key. */
export const originProofAnnotation = "sallyport.dev/origin-proof";

/** Proves that the control API made an object, where admission policies may be missing and anybody writes any annotation. */
export interface OriginProof {
  /** The annotations of an object that the control API makes. */
  annotationsFor(object: AnyObject): Readonly<Record<string, string>>;
  /** Whether the control API made exactly this: kind, name, what can never change of its spec, and a Grant of no more time than this one has. */
  holdsFor(object: AnyObject): boolean;
}

/**
 * @param privateKeyPEM the controller's TLS key, which all replicas share and nobody else has; another key is derived from it (RFC 5869)
 * @param installation name of the installation, so that another one with the same key proves nothing here
 */
export function originProof(privateKeyPEM: string, installation: string): OriginProof {
  const key = Buffer.from(hkdfSync("sha256", privateKeyPEM, installation, "sallyport.dev/origin-proof", 32));
  const proofOf = (object: AnyObject, most: Most): string => {
    const claim = canonicalJson({ ...claimOf(object), ...most });
    const { durationSeconds, notAfterMs } = most;
    return `v2:${durationSeconds}:${notAfterMs}:${createHmac("sha256", key).update(claim).digest("base64url")}`;
  };
  return {
    annotationsFor: (object) => ({
      [originAnnotation]: "api",
      [originProofAnnotation]: proofOf(object, mostOf(object)),
    }),
    holdsFor(object) {
      const { [originAnnotation]: origin, [originProofAnnotation]: given = "" } = object.metadata.annotations ?? {};
      const [, durationSeconds, notAfterMs] = /^v2:(\d{1,15}):(\d{1,15}):/.exec(given) ?? [];
      if (origin !== "api" || durationSeconds === undefined || notAfterMs === undefined) {
        return false;
      }
      const most = { durationSeconds: Number(durationSeconds), notAfterMs: Number(notAfterMs) };
      const [claimed, proven] = [Buffer.from(given), Buffer.from(proofOf(object, most))];
      const isWithin =
        mostOf(object).durationSeconds <= most.durationSeconds && mostOf(object).notAfterMs <= most.notAfterMs;
      return isWithin && claimed.length === proven.length && timingSafeEqual(claimed, proven);
    },
  };
}

/** The most that a Grant asked for when it was made: what is made later under its name, with its proof, may not ask for more or outlive it. */
interface Most {
  readonly durationSeconds: number;
  readonly notAfterMs: number;
}

function mostOf({ kind, spec }: AnyObject): Most {
  return kind === "Grant"
    ? { durationSeconds: spec.durationSeconds, notAfterMs: Date.parse(spec.notAfterTime) }
    : { durationSeconds: 0, notAfterMs: 0 };
}

/** A Grant may be shortened or ended by anybody who may write it, and is still the person's who asked; all else is as it was made. */
function claimOf({ kind, metadata, spec }: AnyObject): object {
  const { namespace, name } = metadata;
  if (kind !== "Grant") {
    return { kind, namespace, name, spec };
  }
  const { principal, databaseRef, roleName, availabilityRef, requester, urgency } = spec;
  return { kind, namespace, name, spec: { principal, databaseRef, roleName, availabilityRef, requester, urgency } };
}
