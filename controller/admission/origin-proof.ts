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
  /** Whether the control API made exactly this: kind, name, and what can never change of its spec. */
  holdsFor(object: AnyObject): boolean;
}

/**
 * @param privateKeyPEM the controller's TLS key, which all replicas share and nobody else has; another key is derived from it (RFC 5869)
 * @param installation name of the installation, so that another one with the same key proves nothing here
 */
export function originProof(privateKeyPEM: string, installation: string): OriginProof {
  const key = Buffer.from(hkdfSync("sha256", privateKeyPEM, installation, "sallyport.dev/origin-proof", 32));
  const proofOf = (object: AnyObject): string =>
    `v1:${createHmac("sha256", key)
      .update(canonicalJson(claimOf(object)))
      .digest("base64url")}`;
  return {
    annotationsFor: (object) => ({ [originAnnotation]: "api", [originProofAnnotation]: proofOf(object) }),
    holdsFor(object) {
      const { [originAnnotation]: origin, [originProofAnnotation]: given } = object.metadata.annotations ?? {};
      const [claimed, proven] = [Buffer.from(given ?? ""), Buffer.from(proofOf(object))];
      return origin === "api" && claimed.length === proven.length && timingSafeEqual(claimed, proven);
    },
  };
}

/** A Grant may be shortened or ended by anybody who may write it, and is still the person's who asked; all else is as it was made. */
function claimOf({ kind, metadata, spec }: AnyObject): unknown {
  const { namespace, name } = metadata;
  if (kind !== "Grant") {
    return { kind, namespace, name, spec };
  }
  const { principal, databaseRef, roleName, availabilityRef, requester, urgency } = spec;
  return { kind, namespace, name, spec: { principal, databaseRef, roleName, availabilityRef, requester, urgency } };
}
