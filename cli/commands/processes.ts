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
  { name: "folder", value: "DIR", summary: "the YAML folder that is the desired state" },
  { name: "cluster", summary: "the desired state is in a Kubernetes cluster" },
  {
    name: "state",
    value: "DIR",
    summary: "this replica's own directory: the audit trail; with --folder also uids, status and tombstones",
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
  {
    name: "identity-store",
    value: "ID",
    summary: "whose people sign in, where Proxies name several Identity Stores (default: the one they all name)",
  },
  { name: "oidc-issuer", value: "URL", summary: "also sign people in by this OIDC issuer, as it names itself" },
  { name: "oidc-client-id", value: "ID", summary: "with --oidc-issuer: the client ID of the console" },
  {
    name: "oidc-cli-client-id",
    value: "ID",
    summary: "with --oidc-issuer: the public client of the command line (default: --oidc-client-id)",
  },
  {
    name: "oidc-client-secret-file",
    value: "FILE",
    summary: "with --oidc-issuer: file with the secret of the console's client (default: a public client)",
  },
  {
    name: "oidc-username-claim",
    value: "CLAIM",
    summary: "with --oidc-issuer: claim that holds the Identity Store's user name (default: preferred_username)",
  },
  { name: "auditor-group", value: "NAME", summary: "group whose members may see everybody's statements" },
  { name: "administrator-group", value: "NAME", summary: "group whose members may end grants and confirm deletions" },
  { name: "console", value: "on|off", summary: "whether browsers get the console, at /console/", fallback: "on" },
  {
    name: "warn-before-end",
    value: "MINUTES",
    summary: "how long before the end of a grant people are warned, in sessions and by notifications; 1 to 1440",
    fallback: "5",
  },
  {
    name: "audit-store-url-file",
    value: "FILE",
    summary:
      "file with the postgres:// URL of the audit store that all replicas share (default: SQLite in --state; SALLYPORT_AUDIT_STORE_URL)",
  },
  {
    name: "head-key",
    value: "KEY",
    summary:
      "what signs the audit trail's heads: a file with an Ed25519 private key, or kms:KEY-ARN (default: a key of its own in --state)",
  },
  {
    name: "head-former-keys",
    value: "FILE",
    summary: "public keys in PEM that signed heads before --head-key",
  },
  {
    name: "audit-retention",
    value: "DAYS",
    summary: "remove audit records after this many days; heads say what was removed (default: never)",
  },
  {
    name: "audit-sink",
    value: "URL",
    summary:
      "deliver the audit trail there too: file, s3, cloudwatch, otlp+https, syslog+tls (docs/sinks.md); may be repeated",
    repeatable: true,
  },
  {
    name: "webhook-url",
    value: "URL",
    summary:
      "post what happens to grants there, signed (docs/notifications.md); #events=NAME,… chooses; may be repeated",
    repeatable: true,
  },
  {
    name: "webhook-secret-file",
    value: "FILE",
    summary: "with --webhook-url: file with the whsec_ secrets that sign, one a line, newest first",
  },
  {
    name: "slack-token-file",
    value: "FILE",
    summary: "file with the bot token of a Slack app: requests are shown in Slack (docs/notifications.md)",
  },
  {
    name: "slack-signing-secret-file",
    value: "FILE",
    summary: "with --slack-token-file: file with the signing secret of that app",
  },
  {
    name: "slack-channel",
    value: "ID",
    summary: "with --slack-token-file: ID of the channel in which requests are shown",
  },
  {
    name: "slack-approve-in-console",
    summary: "with --slack-token-file: buttons lead to the console, and nobody decides in Slack itself",
  },
  {
    name: "slack-api-url",
    value: "URL",
    summary: "with --slack-token-file: another Slack than https://slack.com/api, such as GovSlack",
  },
  { name: "probe-listen", value: "HOST:PORT", summary: "where to answer /healthz and /readyz" },
  { name: "metrics-listen", value: "HOST:PORT", summary: "where to show /metrics" },
  { name: "log-level", value: "LEVEL", summary: "debug, info, warn or error", fallback: "info" },
];

/** Of use with `--cluster` only. Without fallbacks, so that it can be told whether they were given. */
const clusterOptions: Command["options"] = [
  { name: "kubeconfig", value: "FILE", summary: "with --cluster: a kubeconfig (default: the pod's service account)" },
  {
    name: "context",
    value: "NAME",
    summary: "with --cluster: a context of that kubeconfig (default: its current one)",
  },
  {
    name: "namespace",
    value: "NAME",
    summary: "with --cluster: a namespace to look at; may be repeated (default: all)",
    repeatable: true,
  },
  {
    name: "controller-namespace",
    value: "NAME",
    summary: "with --cluster: where the Lease and the tombstones are (default: the pod's own namespace)",
  },
  {
    name: "leader-elect",
    value: "BOOLEAN",
    summary: "with --cluster: false for the only replica of an installation (default: true)",
  },
  { name: "lease-name", value: "NAME", summary: "with --cluster: name of the Lease (default: sallyport)" },
  {
    name: "lease-duration",
    value: "SECONDS",
    summary: "with --cluster: how long others wait after the leader's last sign (default: 15)",
  },
  {
    name: "lease-renew-deadline",
    value: "SECONDS",
    summary: "with --cluster: how long a leader that cannot renew goes on (default: 10)",
  },
  {
    name: "lease-retry-period",
    value: "SECONDS",
    summary: "with --cluster: pause between two tries to renew or acquire (default: 2)",
  },
  {
    name: "peer-listen",
    value: "HOST:PORT",
    summary: "with --cluster: address at which other replicas reach this one, to pass on connections while it leads",
  },
  {
    name: "metrics-secure",
    summary: "with --cluster: show metrics over HTTPS, to whom RBAC allows to get /metrics",
  },
];

/** The commands that run Sallyport's own processes. */
export function processCommands(load: ProcessLoaders): Command[] {
  return [
    {
      name: "controller",
      summary: "Run the controller on a folder of YAML or a Kubernetes cluster",
      options: [...controllerOptions, ...clusterOptions],
      examples: [
        { run: "sallyport controller --folder access/ --state /var/lib/sallyport …", does: "watch and converge" },
        { run: "sallyport controller --cluster --state /var/lib/sallyport …", does: "the same, in a pod" },
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
    Object.entries(options).flatMap(([name, value]) =>
      value === undefined || value === false ? [] : [[name, value === true ? "true" : value]],
    ),
  );
}
