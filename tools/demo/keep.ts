import { once } from "node:events";
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
  const environment = Object.entries(installation.environmentOf("ada"))
    .map(([name, value]) => `export ${name}=${value}`)
    .join("\n  ");
  screen.title("It keeps running until you press Ctrl-C. In a second terminal, be ada:");
  screen.text(`
  cd ${repository}
  ${environment}
  npm run -s sallyport -- login          # open the address it prints and choose ada
  npm run -s sallyport -- databases list
  npm run -s sallyport -- rds proxy --database orders --role read_only --port 15432

In a third terminal, any Postgres client:

  psql "postgresql://read_only:password@127.0.0.1:15432/orders?sslmode=disable"

Access is what the folder says. Edit or delete files and watch what follows:

  ls ${installation.folder}/grants
  rm ${installation.folder}/grants/ada-orders.yaml
`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}
