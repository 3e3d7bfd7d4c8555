import type { Command } from "../command.ts";

/** Loads a process only when its command runs: `cli/main.ts` alone knows the modules. */
export interface ProcessLoaders {
  readonly controller: () => Promise<
    (options: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<number>
  >;
  readonly proxy: () => Promise<
    (environment: Readonly<Record<string, string | undefined>>, signal: AbortSignal) => Promise<number>
  >;
  readonly sandbox: () => Promise<(options: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<number>>;
}

const controllerOptions: Command["options"] = [
  { name: "folder", value: "DIR", summary: "the YAML folder that is the desired state", required: true },
  {
    name: "state",
    value: "DIR",
    summary: "where uids, status, tombstones and the audit trail are kept",
    required: true,
  },
  { name: "installation", value: "NAME", summary: "name of this installation; part of every tag", required: true },
  { name: "tls-cert", value: "FILE", summary: "PEM certificate chain of the control API", required: true },
  { name: "tls-key", value: "FILE", summary: "PEM private key of that certificate", required: true },
  { name: "public-url", value: "URL", summary: "https address at which people and proxies reach it", required: true },
  { name: "listen", value: "HOST:PORT", summary: "where to listen", fallback: "127.0.0.1:8443" },
  { name: "start-url", value: "URL", summary: "start URL of the AWS access portal", required: true },
  {
    name: "identity-permission-set",
    value: "NAME",
    summary: "the permission set everybody holds",
    fallback: "sallyport",
  },
  { name: "identity-account", value: "ID", summary: "account of that permission set (default: the first Proxy's)" },
  { name: "auditor-group", value: "NAME", summary: "group whose members may see everybody's statements" },
  { name: "administrator-group", value: "NAME", summary: "group whose members may end grants and confirm deletions" },
  {
    name: "warn-before-end",
    value: "MINUTES",
    summary: "how long before the end of a grant people are warned in their sessions, 1 to 1440",
    fallback: "5",
  },
  { name: "log-level", value: "LEVEL", summary: "debug, info, warn or error", fallback: "info" },
];

/** The commands that run Sallyport's own processes. */
export function processCommands(load: ProcessLoaders): Command[] {
  return [
    {
      name: "controller",
      summary: "Run the controller on a folder of YAML",
      options: controllerOptions,
      examples: [
        { run: "sallyport controller --folder access/ --state /var/lib/sallyport …", does: "watch and converge" },
      ],
      run: async (invocation) => (await load.controller())(given(invocation.options), invocation.world.signal),
    },
    {
      name: "proxy",
      summary: "Run the database proxy; configured by its environment, as the ECS task definition sets it",
      options: [],
      examples: [{ run: "sallyport proxy", does: "inside the task" }],
      run: async ({ world }) => (await load.proxy())(world.environment, world.signal),
    },
    {
      name: "sandbox",
      summary: "Run an offline AWS on one loopback port, to try everything without an account",
      options: [
        { name: "listen", value: "HOST:PORT", summary: "loopback address to listen on", fallback: "127.0.0.1:4599" },
        {
          // Not `--env-file`: Node takes that for its own wherever it stands on the command line, and fails before any code runs.
          name: "write-env",
          value: "FILE",
          summary: "where to write the environment for aws, boto3 and the controller",
        },
        { name: "seed", value: "FILE", summary: "JSON organisation to start with (default: a small one)" },
        { name: "log-level", value: "LEVEL", summary: "debug, info, warn or error", fallback: "info" },
      ],
      examples: [
        {
          run: "sallyport sandbox --write-env sandbox.env",
          does: "then: set -a; . ./sandbox.env; aws sts get-caller-identity",
        },
      ],
      run: async (invocation) => (await load.sandbox())(given(invocation.options), invocation.world.signal),
    },
  ];
}

function given(options: Readonly<Record<string, string | boolean | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
