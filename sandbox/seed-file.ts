import { readFile } from "node:fs/promises";
import { UserError } from "#lib/errors.ts";
import type { Seed } from "./seed.ts";

/** Members that each record of a list must have, all of them text unless said otherwise below. */
const lists: Readonly<Record<string, readonly string[]>> = {
  accounts: ["accountID", "name", "emailAddress"],
  people: ["userName", "displayName", "givenName", "familyName", "email"],
  groups: ["displayName", "members[]"],
  permissionSets: ["name", "assignments[]"],
  roles: ["accountID", "roleName", "trustedService"],
  secrets: ["accountID", "name", "secretString"],
  dbInstances: ["accountID", "identifier", "engine", "engineVersion", "masterUsername", "endpoint{}"],
  dbClusters: ["accountID", "identifier", "engine", "engineVersion", "masterUsername", "endpoint{}"],
};

const structures: Readonly<Record<string, readonly string[]>> = {
  identityCenter: ["instanceID", "identityStoreID", "accountID"],
  controller: ["accountID", "userName"],
};

/** Reads an organisation from a JSON file in the shape of `Seed`. Throws `UserError` that names the first member that is wrong. */
export async function readSeed(file: string): Promise<Seed> {
  const problem = (why: string, cause?: unknown): UserError =>
    new UserError("BadSeed", `The seed file ${file} cannot be used.`, {
      why,
      next: "Correct it, or leave --seed out to start with the demo organisation.",
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw problem(error instanceof Error ? error.message : String(error), error);
  }
  const wrong = seedProblem(value);
  if (wrong !== undefined) {
    throw problem(wrong);
  }
  return value as Seed;
}

/** The first thing that is wrong with a seed's shape, as a sentence; undefined when nothing is. */
export function seedProblem(seed: unknown): string | undefined {
  if (!isRecord(seed)) {
    return "It is not a JSON object.";
  }
  const known = ["region", ...Object.keys(structures), ...Object.keys(lists)];
  const unknown = Object.keys(seed).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return `"${unknown}" is not a member of a seed; those are ${known.join(", ")}.`;
  }
  if (typeof seed["region"] !== "string") {
    return `"region" must be text.`;
  }
  for (const [name, members] of Object.entries(structures)) {
    const wrong = recordProblem(name, seed[name], members);
    if (wrong !== undefined) {
      return wrong;
    }
  }
  return firstListProblem(seed) ?? identifierProblem(seed);
}

function firstListProblem(seed: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, members] of Object.entries(lists)) {
    const list = seed[name];
    if (!Array.isArray(list)) {
      return `"${name}" must be a list.`;
    }
    for (const [index, record] of list.entries()) {
      const wrong = recordProblem(`${name}[${index}]`, record, members);
      if (wrong !== undefined) {
        return wrong;
      }
    }
  }
  return undefined;
}

/** `member[]` is a list, `member{}` a structure, anything else text. */
function recordProblem(where: string, record: unknown, members: readonly string[]): string | undefined {
  if (!isRecord(record)) {
    return `"${where}" must be an object.`;
  }
  for (const member of members) {
    const name = member.replace(/[[\]{}]/g, "");
    const value = record[name];
    const [fits, kind] = member.endsWith("[]")
      ? [Array.isArray(value), "a list"]
      : member.endsWith("{}")
        ? [isRecord(value), "an object"]
        : [typeof value === "string", "text"];
    if (!fits) {
      return `"${where}.${name}" must be ${kind}.`;
    }
  }
  return undefined;
}

function identifierProblem(seed: Readonly<Record<string, unknown>>): string | undefined {
  const { instanceID, identityStoreID } = seed["identityCenter"] as Record<string, string>;
  if (!/^ssoins-[0-9a-f]{16}$/.test(instanceID ?? "")) {
    return `"identityCenter.instanceID" must be "ssoins-" and 16 hexadecimal digits.`;
  }
  return /^d-[0-9a-f]{10}$/.test(identityStoreID ?? "")
    ? undefined
    : `"identityCenter.identityStoreID" must be "d-" and 10 hexadecimal digits.`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
