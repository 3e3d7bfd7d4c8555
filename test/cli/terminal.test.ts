import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import { freePort } from "../harness/postgres.ts";
import { repository } from "../harness/process.ts";
import { type FakeInstallation, startFakeInstallation } from "./fake-installation.ts";
import { isPlain, keys, openTerminal, type Terminal } from "./terminal.ts";
import type { TestComputer } from "./world.ts";

const { python } = await driverParts();
let installation: FakeInstallation;
const computers: TestComputer[] = [];
const terminals: Terminal[] = [];

const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const waiting = {
  grantID,
  name: "ada-orders",
  namespace: "default",
  state: "PendingApproval",
  message: "Waits for approval.",
  readyReason: "",
  approval: {
    kind: "Reviewed",
    state: "Waiting",
    steps: [
      {
        name: "dba",
        state: "Waiting",
        requiredApprovals: 1,
        decisions: [],
        approvers: [{ kind: "Group", name: "database-administrators" }],
      },
    ],
  },
};

beforeAll(async () => {
  installation = await startFakeInstallation();
  installation.on("GET /v1/databases", () => ({
    body: {
      items: [
        { namespace: "default", database: "orders", role: "read_only", engine: "PostgreSQL", reason: "Optional" },
      ],
    },
  }));
  installation.on("POST /v1/grants", ({ body }) => ({
    body: (body as { dryRun?: boolean }).dryRun
      ? { change: "WillRequest", durationSeconds: 60 }
      : { change: "Requested", durationSeconds: 60, grant: waiting },
  }));
  installation.on(`GET /v1/grants/${grantID}`, () => ({ body: waiting }));
  installation.on(`GET /v1/grants/${grantID}/watch`, (_, response) => {
    response.write(`${JSON.stringify(waiting)}\n`);
    return undefined;
  });
});
afterEach(() => {
  for (const terminal of terminals.splice(0)) {
    terminal.kill();
  }
  for (const computer of computers.splice(0)) {
    computer[Symbol.dispose]();
  }
});
afterAll(() => installation[Symbol.asyncDispose]());

function open(command: readonly string[], columns = 80, environment: Readonly<Record<string, string>> = {}): Terminal {
  const computer = installation.computerOf("ada");
  computers.push(computer);
  const { url, caFile } = installation.api;
  const terminal = openTerminal(isMissing(python) ? "" : python.file, command, {
    columns,
    environment: {
      HOME: computer.home,
      AWS_ENDPOINT_URL: installation.sandbox.url,
      SALLYPORT_URL: url,
      SALLYPORT_CA_FILE: caFile,
      ...environment,
    },
  });
  terminals.push(terminal);
  return terminal;
}
const sallyport = (...args: string[]): string[] => [process.execPath, path.join(repository, "cli", "main.ts"), ...args];
/** The same as a shell reads it. */
const line = (...args: string[]): string => sallyport(...args).join(" ");

describe.skipIf(isMissing(python))("a command on a terminal", () => {
  it("draws the line that it waits with in one row, in a narrow window and in one that gets narrower", async () => {
    const port = String(await freePort());
    const terminal = open(sallyport("rds", "proxy", "--yes", "--port", port), 40);
    await terminal.shows(/Waiting for request.*… \[\ds elapsed\]/);
    const above = terminal.screen().split("\n").slice(0, -1);

    terminal.resize(30);
    await terminal.shows(/\nWaiting for (?:r)?… \[\d+s elapsed\]$/);
    terminal.resize(120);
    await terminal.shows(/\nWaiting for request to be approved \(step dba: 0 of 1 approvals, asked: .*elapsed\]$/);

    expect(terminal.screen().match(/elapsed/g)).toHaveLength(1);
    expect(above.join("")).toContain("[WAITING]");
    terminal.type(keys.interrupt);
    expect(await terminal.exited).toBe(130);
    expect(terminal.screen()).not.toContain("elapsed");
    expect(terminal.screen()).toContain("Your request stays");
  });

  it("runs behind a shell's prompt, in front of it, and on after it was stopped; what is typed meanwhile is the shell's", async () => {
    const port = String(await freePort());
    const terminal = open(["bash", "--norc", "--noprofile", "-i"], 200, { PS1: "prompt> ", HISTFILE: "/dev/null" });
    terminal.type(`${line("rds", "proxy", "--yes", "--port", port)} &\n`);
    const before = await terminal.shows(/asked: group database-administrators/);

    terminal.type("\necho to-the-$((1+1))-shell; jobs\n");
    const behind = await terminal.shows(/to-the-2-shell\n\[1\].*Running/);
    terminal.type("fg\n");
    await terminal.shows(/to-the-2-shell[^]*Waiting for request.*elapsed\]$/);
    terminal.type(keys.stop);
    await terminal.shows(/Stopped/);
    terminal.type("fg # again\n");
    await terminal.shows(/# again[^]*Waiting for request.*elapsed\]$/);
    terminal.type(keys.interrupt);
    await terminal.shows(/Your request stays/);
    terminal.type("echo it ended with $?; exit\n");
    const after = await terminal.shows(/it ended with 130/);

    expect(before + behind).not.toContain("elapsed");
    expect(after.slice(after.indexOf("# again"))).not.toContain("elapsed");
  });

  it("ends at once when it is asked twice", async () => {
    const asked = Promise.withResolvers<void>();
    installation.on(`POST /v1/grants/${grantID}/revoke`, () => {
      asked.resolve();
      return new Promise(() => {});
    });
    const terminal = open(sallyport("rds", "proxy", "--yes", "--revoke-after", "--port", String(await freePort())));
    await terminal.shows(/Waiting for request/);

    terminal.type(keys.interrupt);
    await asked.promise;
    terminal.type(keys.interrupt);

    expect(await terminal.exited).toBe(130);
  });

  it("writes text alone to one that knows no control sequences", async () => {
    const terminal = open(sallyport("request", "orders", "read_only", "--yes", "--wait"), 80, { TERM: "dumb" });

    await terminal.shows(/asked: group database-administrators/);

    expect(terminal.raw()).toSatisfy(isPlain);
  });

  it("has no colours where nobody wants them, and goes on without input", async () => {
    const terminal = open(["bash", "-c", `${line("wait", grantID)} <&-`], 120, { NO_COLOR: "1" });

    await terminal.shows(/asked: group database-administrators/);

    expect(terminal.raw()).toSatisfy(isPlain);
    terminal.type(keys.interrupt);
    expect(await terminal.exited).toBe(130);
  });
});
