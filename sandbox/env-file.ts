import { chmod, rename, writeFile } from "node:fs/promises";
import type { IssuedCredentials } from "./credentials.ts";

/** What a shell needs to use the sandbox as if it were AWS. */
export interface EnvironmentParts {
  readonly url: string;
  readonly region: string;
  readonly startURL: string;
  readonly credentials: IssuedCredentials;
}

/** The environment: where AWS is, and who the controller is. */
export function environmentOf(parts: EnvironmentParts): Record<string, string> {
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
 * one step, so that no reader sees half of it.
 */
export async function writeEnvironment(file: string, parts: EnvironmentParts): Promise<void> {
  const lines = Object.entries(environmentOf(parts)).map(([name, value]) => `export ${name}='${value}'`);
  const text = `# The controller's credentials for the sandbox. Load them with: . ${file}\n${lines.join("\n")}\n`;
  const draft = `${file}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  // A draft that was left behind keeps the mode it had.
  await chmod(draft, 0o600);
  await rename(draft, file);
}
