import { UserError } from "#lib/errors.ts";
import { formatKey, type ObjectKey } from "#kinds/index.ts";
import { formatProblem, type Problem } from "#kinds/problem.ts";
import { isKubeFailure } from "../../kube/failure.ts";

/** There is an object of that name already. */
export function nameTaken(key: ObjectKey): UserError {
  return new UserError("NameTaken", `${formatKey(key)} exists already.`, { next: "Choose another name." });
}

/** There is no object of that name. */
export function noSuchObject(key: ObjectKey): UserError {
  return new UserError("NotFound", `${formatKey(key)} does not exist.`);
}

/** What a person wrote can be changed with a person's own rights only. */
export function notMadeHere(key: ObjectKey): UserError {
  return new UserError("DefinedInCluster", `${formatKey(key)} was not made through the control API.`, {
    why: "The controller never changes what people and pipelines write into the cluster.",
    next: "Change or delete it with kubectl, or where it is kept.",
  });
}

/** The object breaks the schema or a rule of its kind. */
export function invalidObject(problems: readonly Problem[]): UserError {
  return new UserError("InvalidObject", `The object is not valid: ${problems.map(formatProblem).join("; ")}.`);
}

/** What the API server's refusal means to the person who asked; anything else stays what it is. */
export function explained(thrown: unknown, key: ObjectKey): unknown {
  if (!isKubeFailure(thrown)) {
    return thrown;
  }
  switch (thrown.kind) {
    case "alreadyExists":
      return nameTaken(key);
    case "notFound":
      return noSuchObject(key);
    case "invalid":
      return new UserError("InvalidObject", `The object is not valid: ${thrown.message}`, { cause: thrown });
    case "forbidden":
      return new UserError("Forbidden", `The cluster does not allow it: ${thrown.message}`, { cause: thrown });
    case "conflict":
      return new UserError("Conflict", `${formatKey(key)} is being changed by somebody else.`, {
        next: "Try again.",
        cause: thrown,
      });
    default:
      return new UserError("ClusterUnavailable", `The cluster's API server did not do it: ${thrown.message}`, {
        next: "Try again in a moment.",
        cause: thrown,
      });
  }
}
