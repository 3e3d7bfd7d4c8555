import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Installation } from "#test/harness/installation.ts";
import { repository } from "#test/harness/process.ts";
import { grantFile } from "./grant-file.ts";
import type { Screen } from "./screen.ts";

/** Leaves everything running until Ctrl-C, and says what to type in a second terminal. */
export async function keepRunning(installation: Installation, screen: Screen): Promise<void> {
  installation.writeManifest(
    "grants/ada-orders.yaml",
    grantFile({ name: "ada-orders", person: "ada", database: "orders", role: "read_only", durationSeconds: 3_600 }),
  );
  const script = writeShellFunction(installation, "ada");
  screen.title("It keeps running until you press Ctrl-C. In a second terminal, be ada:");
  screen.text(`
  . ${script}
  sallyport login            # open the address that it prints and choose ada
  sallyport databases list
  sallyport rds proxy --database orders --role read_only --port 15432

In a third terminal, any Postgres client:

  psql "postgresql://read_only:password@127.0.0.1:15432/orders?sslmode=disable"

Access is what the folder says. Edit or delete files and watch what follows:

  ls ${installation.folder}/grants
  rm ${installation.folder}/grants/ada-orders.yaml
`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}

/** A shell function `sallyport` that runs the command line as that person would on their own computer, and changes nothing else. */
function writeShellFunction(installation: Installation, userName: string): string {
  const variables = Object.entries(installation.environmentOf(userName)).map(([name, value]) => `${name}='${value}'`);
  const command = `'${process.execPath}' '${path.join(repository, "cli", "main.ts")}'`;
  const file = path.join(path.dirname(installation.folder), `${userName}.sh`);
  writeFileSync(file, `sallyport() { ${variables.join(" ")} ${command} "$@"; }\n`, { mode: 0o600 });
  return file;
}
