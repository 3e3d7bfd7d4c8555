import { chmod, rename, writeFile } from "node:fs/promises";
import type { IssuedCredentials } from "./credentials.ts";

/** What a shell needs to use the sandbox as if it were AWS. */
export interface EnvironmentParts {
  readonly url: string;
  readonly region: string;
  readonly startURL: string;
  /** The controller's. */
  readonly credentials: IssuedCredentials;
}

/** A person's credentials of the moment. */
export interface PersonCredentials {
  readonly userName: string;
  readonly permissionSetName: string;
  readonly credentials: IssuedCredentials;
}

/** The environment: where AWS is, and who the controller is. */
function environmentOf(parts: EnvironmentParts): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: parts.url,
    AWS_REGION: parts.region,
    AWS_DEFAULT_REGION: parts.region,
    AWS_ACCESS_KEY_ID: parts.credentials.accessKeyID,
    AWS_SECRET_ACCESS_KEY: parts.credentials.secretAccessKey,
    // Without it, clients ask the link-local metadata address for credentials and wait for seconds.
    AWS_EC2_METADATA_DISABLED: "true",
    SALLYPORT_SANDBOX_START_URL: parts.startURL,
  };
}

/**
 * Writes a file that `. FILE` loads into a shell and Node's `--env-file` reads too. Readable by its owner only, and replaced in
 * one step, so that no reader sees half of it. People's credentials are there under names of their own, such as
 * `ADA_AWS_ACCESS_KEY_ID`.
 */
export async function writeEnvironment(
  file: string,
  parts: EnvironmentParts,
  people: readonly PersonCredentials[],
): Promise<void> {
  const lines = [
    "# The sandbox, with the controller's credentials.",
    ...assignments(environmentOf(parts)),
    ...people.flatMap((person) => [
      `# ${oneLine(person.userName)}, permission set ${oneLine(person.permissionSetName)}, until ${until(person.credentials)}`,
      ...assignments(personEnvironment(person)),
    ]),
  ];
  const draft = `${file}.new`;
  await writeFile(draft, `${lines.join("\n")}\n`, { mode: 0o600 });
  // A draft that was left behind keeps the mode it had.
  await chmod(draft, 0o600);
  await rename(draft, file);
}

function personEnvironment({ userName, credentials }: PersonCredentials): Record<string, string> {
  const prefix = userName.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  return {
    [`${prefix}_AWS_ACCESS_KEY_ID`]: credentials.accessKeyID,
    [`${prefix}_AWS_SECRET_ACCESS_KEY`]: credentials.secretAccessKey,
    [`${prefix}_AWS_SESSION_TOKEN`]: credentials.sessionToken ?? "",
  };
}

/** A name that starts with a digit would not be a variable's. */
function assignments(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map(
    ([name, value]) => `export ${/^\d/.test(name) ? "_" : ""}${name}='${value.replaceAll("'", String.raw`'\''`)}'`,
  );
}

function until({ expiresAt }: IssuedCredentials): string {
  return expiresAt === undefined ? "for ever" : new Date(expiresAt).toISOString();
}

function oneLine(text: string): string {
  return text.replaceAll(/\s/g, " ");
}
