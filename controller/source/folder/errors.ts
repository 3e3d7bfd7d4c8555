import { UserError } from "#lib/errors.ts";
import { formatKey, type ObjectKey } from "#kinds/index.ts";
import { formatProblem, type Problem } from "#kinds/problem.ts";
import type { Stored } from "../source.ts";

/** The folder cannot be read and nothing is known of it from before. */
export function folderUnreadable(folder: string, why: string): UserError {
  return new UserError("FolderUnreadable", `The folder ${folder} cannot be read: ${why}.`, {
    next: "Check the path given with --folder, and that this user may read it.",
  });
}

/** There is an object of that name already. */
export function nameTaken(key: ObjectKey, where: string): UserError {
  return new UserError("NameTaken", `${formatKey(key)} exists already (${where}).`, { next: "Choose another name." });
}

/** There is no object of that name. */
export function noSuchObject(key: ObjectKey): UserError {
  return new UserError("NotFound", `${formatKey(key)} does not exist.`);
}

/** The object breaks the schema or a rule of its kind. */
export function invalidObject(problems: readonly Problem[]): UserError {
  return new UserError("InvalidObject", `The object is not valid: ${problems.map(formatProblem).join("; ")}.`);
}

/** What a file says can be changed there only. */
export function inFile(key: ObjectKey, stored: Stored): UserError {
  return new UserError("DefinedInFile", `${formatKey(key)} is defined in ${stored.origin}.`, {
    why: "The folder is the only place that says what is wanted; it is never written to.",
    next: "Change or remove it there.",
  });
}
