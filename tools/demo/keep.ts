import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Installation } from "#test/harness/installation.ts";
import { repository } from "#test/harness/process.ts";
import type { DemoCluster } from "./cluster-hand.ts";
import { fourEyes, fourEyesName } from "./four-eyes.ts";
import type { Hand } from "./hand.ts";
import type { Screen } from "./screen.ts";

/** Says what to type in other terminals while everything keeps running. */
export async function tellHowToTry(
  installation: Installation,
  hand: Hand,
  screen: Screen,
  cluster: DemoCluster | undefined,
): Promise<void> {
  await hand.declare({
    name: "ada-orders",
    person: "ada",
    database: "orders",
    role: "read_only",
    durationSeconds: 3_600,
  });
  await hand.setPolicy(fourEyesName, fourEyes);
  const [ada, grace, margaret] = ["ada", "grace", "margaret"].map((who) =>
    writeShellFunction(installation, who, cluster),
  );
  screen.title("It keeps running until you press Ctrl-C. In a second terminal, be ada, a developer:");
  screen.text(`
  . ${ada}
  sallyport login            # open the address that it prints and choose ada
  sallyport databases list
  sallyport rds proxy --database orders --role read_only --port 15432

In a third terminal, any Postgres client:

  psql "postgresql://read_only:password@127.0.0.1:15432/orders?sslmode=disable"

Owning orders takes a second person. As ada, in one more terminal:

  . ${ada}
  sallyport request orders app_owner --reason "INC-43: fix a price" --wait

Meanwhile be grace, an administrator, in another; or margaret (${margaret}), an auditor:

  . ${grace}
  sallyport login            # choose grace
  sallyport reviews
  sallyport approve GRANT    # the grant of the first column; its beginning is enough
  sallyport console --print  # a link into the console: open it in a browser within a minute
  sallyport audit tail       # as margaret: everybody's statements, live

Your browser does not know the certificate of this demo and asks whether to go on; it is signed by ${installation.caFile}
${cluster === undefined ? inFolder(installation) : inCluster}`);
}

const inFolder = ({ folder }: Installation): string => `
Access is what the folder says. Edit or delete files and watch what follows:

  ls ${folder}/grants
  rm ${folder}/grants/ada-orders.yaml
`;

const inCluster = `
Access is what the cluster says. In the second terminal kubectl is ada's, too:

  kubectl get access
  kubectl describe grant ada-orders
  kubectl delete grant ada-orders
`;

/**
 * A shell function `sallyport` that runs the command line as that person would on their own computer, and changes nothing else; and one
 * `kubectl`, where the objects are in a cluster.
 */
function writeShellFunction(installation: Installation, userName: string, cluster: DemoCluster | undefined): string {
  const variables = Object.entries(installation.environmentOf(userName)).map(([name, value]) => `${name}='${value}'`);
  const command = `'${process.execPath}' '${path.join(repository, "cli", "main.ts")}'`;
  const file = path.join(path.dirname(installation.folder), `${userName}.sh`);
  const kubeconfig = { ada: cluster?.kubeconfig, grace: cluster?.reviewer }[userName];
  const kubectl =
    cluster === undefined || kubeconfig === undefined
      ? ""
      : `kubectl() { command kubectl --kubeconfig '${kubeconfig}' --namespace '${cluster.namespace}' "$@"; }\n`;
  writeFileSync(file, `sallyport() { ${variables.join(" ")} ${command} "$@"; }\n${kubectl}`, { mode: 0o600 });
  return file;
}
