import { apiVersion, type Grant, type AnyObject, type Kind } from "#kinds/index.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import type { ResourceName } from "../../kube/resource.ts";

/** The API server's name of a kind. */
export function resourceOf(kind: Kind): ResourceName {
  const [group = "", version = ""] = apiVersion.split("/");
  return { group, version, plural: definitions[kind].plural };
}

/** Whether this object gives access, or may have, that must be taken away before it is forgotten. */
export function mustBeTakenAway(object: AnyObject): object is Grant {
  return (
    object.kind === "Grant" && object.status?.external !== undefined && object.status.deprovisionTime === undefined
  );
}
