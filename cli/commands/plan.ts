import type { Clock } from "#lib/clock.ts";
import type { Command, Invocation, Option } from "../command.ts";

/** What `plan` and `diff` came to: what is printed, and the exit code. */
interface Report {
  readonly exitCode: number;
  readonly value: unknown;
  readonly text: string;
}

/** What `plan` and `diff` are given. */
interface Given {
  readonly folder: string;
  readonly options: Invocation["options"];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
}

/** Loads the planner only when its command runs: `cli/main.ts` alone knows the module. */
export interface PlanLoaders {
  readonly plan: () => Promise<(given: Given) => Promise<Report>>;
  readonly diff: () => Promise<(given: Given) => Promise<Report>>;
}

const baseOptions: readonly Option[] = [
  { name: "base", value: "DIR", summary: "the folder as it is now, such as a checkout of the main branch" },
  { name: "cluster", summary: "compare with what is in the cluster; needs get and list only" },
  { name: "kubeconfig", value: "FILE", summary: "with --cluster (default: KUBECONFIG, then ~/.kube/config)" },
  { name: "context", value: "NAME", summary: "with --cluster: context of the kubeconfig" },
  { name: "namespace", value: "NAME", summary: "with --cluster: this namespace only (default: all)" },
  { name: "prune", summary: "with --cluster: what no file names is removed, as GitOps tools do" },
];

/** `sallyport plan` and `sallyport diff`, for pipelines: what a change would do, before it is merged. */
export function planCommands(load: PlanLoaders): Command[] {
  return [
    {
      name: "plan",
      summary: "Show the AWS calls that a change would make; exit 0 none, 2 some, 1 error",
      positionals: ["DIR"],
      options: [
        ...baseOptions,
        { name: "installation", value: "NAME", summary: "name of the installation, for tags", fallback: "sallyport" },
      ],
      examples: [
        { run: "sallyport plan access/ --base main/access/", does: "what merging this branch would do" },
        { run: "sallyport plan access/ --cluster -o json", does: "what applying it would do, for machines" },
      ],
      usageExitCode: 1,
      run: (invocation) => run(invocation, load.plan),
    },
    {
      name: "diff",
      summary: "Show what a change says, object by object; exit 0 no difference, 2 some, 1 error",
      positionals: ["DIR"],
      options: baseOptions,
      examples: [{ run: "sallyport diff access/ --base main/access/", does: "compares labels, annotations and spec" }],
      usageExitCode: 1,
      run: (invocation) => run(invocation, load.diff),
    },
  ];
}

async function run(invocation: Invocation, load: PlanLoaders["plan"]): Promise<number> {
  const { positionals, options, world } = invocation;
  const { environment, clock, version, output } = world;
  const given = { folder: positionals[0] ?? "", options, environment, clock, version };
  const { exitCode, value, text } = await (await load())(given);
  output.result(value, () => text);
  return exitCode;
}
