import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { type Command, type Invocation, isSet, type Option } from "../command.ts";

interface Given {
  readonly options: Invocation["options"];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
}

/** One thing that is left, as the controller's module tells it. */
interface Left {
  readonly grant: string;
  readonly grantID?: string;
  readonly accountID?: string;
  readonly userName?: string;
  readonly principalID?: string;
  readonly removed?: boolean;
  readonly message?: string;
  readonly deleting?: boolean;
  readonly left?: string;
}

/** Loads the module only when one of its commands runs: `cli/main.ts` alone knows it. */
export interface LeftoversLoaders {
  readonly leftovers: () => Promise<
    Readonly<Record<"inAws" | "inCluster" | "remove" | "release", (given: Given) => Promise<readonly Left[]>>>
  >;
}

const awsOptions: readonly Option[] = [
  { name: "installation", value: "NAME", summary: "name of the installation, as the controller's --installation" },
  {
    name: "region",
    value: "REGION",
    summary: "region of IAM Identity Center; may be repeated (default: AWS_REGION)",
    repeatable: true,
  },
];

const clusterOptions: readonly Option[] = [
  { name: "kubeconfig", value: "FILE", summary: "the cluster (default: the pod's account, then KUBECONFIG)" },
  { name: "context", value: "NAME", summary: "context of the kubeconfig" },
  {
    name: "namespace",
    value: "NAME",
    summary: "look in this namespace; may be repeated (default: all)",
    repeatable: true,
  },
];

/** What an uninstallation would leave behind: see it, and take it away where no controller does any more. */
export function leftoversCommands(load: LeftoversLoaders): Command[] {
  return [listCommand(load), deleteCommand(load), releaseCommand(load)];
}

function listCommand(load: LeftoversLoaders): Command {
  return {
    name: "leftovers list",
    summary: "Show what uninstalling now would leave behind; exit 0 nothing, 2 something, 1 error",
    options: [
      { name: "cluster", summary: "look for what the controller has not let go in a cluster, and not in AWS" },
      ...awsOptions,
      ...clusterOptions,
    ],
    examples: [
      { run: "sallyport leftovers list --installation main", does: "permission sets that the installation has in AWS" },
      {
        run: "sallyport leftovers list --cluster",
        does: "Grants that still hold access, and what waits for the controller",
      },
    ],
    usageExitCode: 1,
    async run(invocation) {
      const module = await load.leftovers();
      const isCluster = isSet(invocation, "cluster");
      const found = await (isCluster ? module.inCluster(given(invocation)) : module.inAws(given(invocation)));
      invocation.world.output.rows(
        found,
        [
          ["grant", ({ grant }) => grant],
          ["id", ({ grantID }) => grantID ?? "-"],
          isCluster ? ["person", ({ userName }) => userName ?? "-"] : ["account", ({ accountID }) => accountID ?? "-"],
          isCluster
            ? ["state", ({ deleting }) => (deleting === true ? "waits for the controller" : "not deleted")]
            : ["person", ({ principalID }) => principalID ?? "-"],
        ],
        "Nothing is left.",
      );
      return found.length === 0 ? 0 : 2;
    },
  };
}

function deleteCommand(load: LeftoversLoaders): Command {
  return {
    name: "leftovers delete",
    summary: "Take away all that an installation has in AWS, when its controller is gone for good",
    options: [...awsOptions, { name: "yes", short: "y", summary: "do not ask for confirmation" }],
    examples: [
      { run: "sallyport leftovers delete --installation main", does: "shows it, asks, then ends everybody's access" },
    ],
    async run(invocation) {
      const { output } = invocation.world;
      const module = await load.leftovers();
      const found = await module.inAws(given(invocation));
      for (const { grantID, grant, accountID } of found) {
        output.note(`${grantID} of ${grant} in account ${accountID}`);
      }
      if (found.length > 0 && !isSet(invocation, "yes")) {
        const { confirm } = await import("../output/prompt.ts");
        const question = `End the access that these ${found.length} give, of live Grants too`;
        if (!(await confirm(invocation.world, question, "Run it again with --yes."))) {
          throw new UserError("Cancelled", "cancelled operation", { why: "nothing was changed" });
        }
      }
      const results = found.length === 0 ? [] : await module.remove(given(invocation));
      output.rows(
        results,
        [
          ["id", ({ grantID }) => grantID ?? "-"],
          ["grant", ({ grant }) => grant],
          ["removed", ({ removed, message }) => (removed === true ? "yes" : `no: ${message}`)],
        ],
        "Nothing is left.",
      );
      return results.every(({ removed }) => removed) ? 0 : 1;
    },
  };
}

function releaseCommand(load: LeftoversLoaders): Command {
  return {
    name: "leftovers release",
    summary: "Let go Grants and Proxies that wait for deletion and whose controller is gone for good",
    options: [
      ...awsOptions,
      ...clusterOptions,
      { name: "orphan", summary: "also those whose access is still there; it stays in AWS, and is shown" },
    ],
    examples: [
      {
        run: "sallyport leftovers release --installation main",
        does: "after leftovers delete: the deletion completes",
      },
      { run: "sallyport leftovers release --installation main --orphan -o json > left.json", does: "keeps a record" },
    ],
    async run(invocation) {
      const released = await (await load.leftovers()).release(given(invocation));
      invocation.world.output.rows(
        released,
        [
          ["object", ({ grant }) => grant],
          ["id", ({ grantID }) => grantID ?? "-"],
          ["left in AWS", ({ left }) => left ?? "nothing"],
        ],
        "Nothing waits for deletion.",
      );
      return 0;
    },
  };
}

function given({ options, world: { environment, clock, version } }: Invocation): Given {
  return { options, environment, clock, version };
}
