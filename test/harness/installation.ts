import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { parseDocument } from "yaml";
import { createAuthority } from "#sandbox/certificates.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import type { SandboxOptions } from "#sandbox/options.ts";
import { judgeState } from "./conformance.ts";
import { freePort, type TestPostgres } from "./postgres.ts";
import { eventually, repository, type SallyportProcess, startSallyport } from "./process.ts";
import { type OrdersDatabase, startOrdersDatabase, type StartMySql, type StockDatabase } from "./organisation.ts";

/** A whole installation on this machine: sandbox AWS, a real Postgres, the real controller and proxy as processes. */
export interface Installation {
  readonly sandbox: Sandbox;
  readonly postgres: TestPostgres;
  readonly passwords: OrdersDatabase["passwords"];
  /** The database of `examples/database-stock.yaml.example`, where it was asked for. */
  readonly stock: StockDatabase | undefined;
  /** The YAML folder: a copy of `examples/`, pointed at this sandbox. */
  readonly folder: string;
  readonly stateDirectory: string;
  readonly url: string;
  readonly caFile: string;
  /** The controller that runs now. */
  controller(): SallyportProcess;
  /** Starts the controller again after it ended. */
  startController(): Promise<SallyportProcess>;
  /** What that runs, for a test that starts another replica with some of it changed. */
  readonly controllerCommand: {
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  };
  /** Environment of a person's computer: their home, where Sallyport is, no AWS credentials. */
  environmentOf(userName: string): Record<string, string>;
  /** Runs a `sallyport` command as that person. */
  run(userName: string, args: readonly string[], onLine?: (line: string) => void): SallyportProcess;
  /** Writes a file into the folder in one rename, as a pipeline does. */
  writeManifest(name: string, text: string): void;
  deleteManifest(name: string): void;
  stop(): Promise<void>;
}

export interface InstallationOptions {
  /** Takes the prepared folder to where the objects shall be instead; gives what the controller is told of it. Absent: `--folder`. */
  readonly place?: (folder: string) => Promise<readonly string[]>;
  /** Starts a second database, `stock`, and declares it. */
  readonly mysql?: StartMySql;
  readonly sandbox?: Omit<SandboxOptions, "seed">;
  readonly onControllerLine?: (line: string) => void;
  /** Called as set-up goes on, for a progress display. */
  readonly onProgress?: (text: string) => void;
  /** Port of the control API; a free one when absent. */
  readonly port?: number;
  readonly logLevel?: string;
  /** Further flags of the controller, without the dashes. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** Starts everything and waits until the control API answers. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const progress = options.onProgress ?? (() => {});
  const root = mkdtempSync(path.join(tmpdir(), "sallyport-"));
  progress("starting the databases and loading the shop's data");
  const databases = await startOrdersDatabase(options.mysql);
  const { postgres, passwords, stock, seed } = databases;
  progress("starting the sandbox AWS");
  const sandbox = await startSandbox({ ...options.sandbox, seed });
  await createCluster(sandbox);
  const folder = path.join(root, "access");
  const stateDirectory = path.join(root, "state");
  const caFile = path.join(root, "ca.pem");
  await writeCertificates(root, caFile);
  const databaseCAFile = path.join(root, "database-ca.pem");
  writeFileSync(databaseCAFile, `${postgres.ca}\n${stock?.server.ca ?? ""}`, { mode: 0o644 });
  copyExamples(folder, sandbox, databaseCAFile, stock);
  const port = options.port ?? (await freePort());
  const url = `https://127.0.0.1:${port}`;
  const place = (await options.place?.(folder)) ?? ["--folder", folder];
  let controller: SallyportProcess | undefined;
  const logLevel = options.logLevel ?? "info";
  const controllerCommand = {
    args: controllerArguments({ root, place, stateDirectory, port, url, sandbox, logLevel, flags: options.flags }),
    environment: controllerEnvironment(root, sandbox),
  };
  const startController = async (): Promise<SallyportProcess> => {
    const started = startSallyport(
      controllerCommand.args,
      controllerCommand.environment,
      options.onControllerLine ? { onLine: options.onControllerLine } : {},
    );
    controller = started;
    await untilServing(started);
    return started;
  };
  const environmentOf = (userName: string): Record<string, string> => {
    const home = path.join(root, "home", userName);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return {
      HOME: home,
      AWS_ENDPOINT_URL: sandbox.url,
      AWS_REGION: sandbox.region,
      AWS_EC2_METADATA_DISABLED: "true",
      SALLYPORT_URL: url,
      SALLYPORT_CA_FILE: caFile,
    };
  };
  progress("starting the controller");
  await startController();
  return {
    sandbox,
    postgres,
    passwords,
    stock,
    folder,
    stateDirectory,
    url,
    caFile,
    controller: () => controller as SallyportProcess,
    startController,
    controllerCommand,
    environmentOf,
    run: (userName, args, onLine) =>
      startSallyport(args, environmentOf(userName), { cwd: root, ...(onLine ? { onLine } : {}) }),
    writeManifest(name, text) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(`${file}.tmp`, text);
      renameSync(`${file}.tmp`, file);
    },
    deleteManifest: (name) => rmSync(path.join(folder, name)),
    async stop() {
      controller?.kill("SIGTERM");
      await controller?.exited;
      await sandbox.stop();
      await Promise.all([postgres.stop(), stock?.server.stop()]);
      try {
        judgeState(stateDirectory);
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    },
  };
}

/** Signs a person in without a browser: puts a portal token where `sallyport` and the `aws` command line look for one. */
export async function signInDirectly(installation: Installation, userName: string): Promise<void> {
  const login = installation.run(userName, ["login", "--output", "json"]);
  const line = await login.line((text) => text.includes("userCode"));
  installation.sandbox.approveDevice((JSON.parse(line) as { userCode: string }).userCode, userName);
  const code = await login.exited;
  if (code !== 0) {
    throw new Error(`${userName} could not sign in:\n${login.lines.join("\n")}`);
  }
}

/** The ECS cluster is the organisation's own; a Proxy only brings its service. */
async function createCluster(sandbox: Sandbox): Promise<void> {
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const credentials = { accessKeyId: accessKeyID, secretAccessKey };
  const client = new ECSClient({ endpoint: sandbox.url, region: sandbox.region, credentials });
  await client.send(new CreateClusterCommand({ clusterName: "sallyport" }));
  client.destroy();
}

async function writeCertificates(root: string, caFile: string): Promise<void> {
  const authority = await createAuthority("Sallyport demo CA", Date.now());
  const server = await authority.issue(["127.0.0.1", "localhost"]);
  writeFileSync(caFile, authority.certificate, { mode: 0o644 });
  writeFileSync(path.join(root, "tls.crt"), server.certificate, { mode: 0o644 });
  writeFileSync(path.join(root, "tls.key"), server.privateKey, { mode: 0o600 });
}

/** Copies the example folder and tells its Proxy what only this machine knows: the sandbox's address and the databases' CAs. */
function copyExamples(
  folder: string,
  sandbox: Sandbox,
  databaseCAFile: string,
  stock: StockDatabase | undefined,
): void {
  cpSync(path.join(repository, "examples"), folder, { recursive: true });
  const file = path.join(folder, "proxy.yaml");
  const document = parseDocument(readFileSync(file, "utf8"));
  document.setIn(
    ["spec", "service", "environment"],
    [
      { name: "AWS_ENDPOINT_URL", value: sandbox.url },
      { name: "SALLYPORT_DATABASE_CA_FILE", value: databaseCAFile },
    ],
  );
  writeFileSync(file, document.toString());
  if (stock !== undefined) {
    const example = readFileSync(path.join(folder, "database-stock.yaml.example"), "utf8");
    const manifest = example.replace("engine: MySQL", `engine: ${stock.server.engine}`);
    writeFileSync(path.join(folder, "database-stock.yaml"), manifest);
  }
}

function controllerArguments(at: {
  root: string;
  place: readonly string[];
  stateDirectory: string;
  port: number;
  url: string;
  sandbox: Sandbox;
  logLevel: string;
  flags: InstallationOptions["flags"];
}): string[] {
  const options = {
    state: at.stateDirectory,
    installation: "demo",
    "tls-cert": path.join(at.root, "tls.crt"),
    "tls-key": path.join(at.root, "tls.key"),
    listen: `127.0.0.1:${at.port}`,
    "public-url": at.url,
    "start-url": at.sandbox.startURL,
    "auditor-group": "auditors",
    "administrator-group": "administrators",
    "log-level": at.logLevel,
    ...at.flags,
  };
  return ["controller", ...at.place, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])];
}

function controllerEnvironment(root: string, sandbox: Sandbox): Record<string, string> {
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  return {
    HOME: root,
    AWS_ENDPOINT_URL: sandbox.url,
    AWS_REGION: sandbox.region,
    AWS_ACCESS_KEY_ID: accessKeyID,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** The controller says so in its log once the control API listens. */
async function untilServing(controller: SallyportProcess): Promise<void> {
  await controller.line((line) => line.includes('"control API listens"'));
}

/** Waits until the example Proxy has a running task that is linked to the controller. */
export function untilProxyLinked(installation: Installation): Promise<string> {
  return eventually("the proxy is linked", () =>
    installation.controller().lines.find((line) => line.includes('"proxy linked"')),
  );
}
