import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "#test/harness/postgres.ts";
import { repository } from "#test/harness/process.ts";
import { type FakeInstallation, startFakeInstallation } from "./fake-installation.ts";
import { isPlain } from "./terminal.ts";
import type { TestComputer } from "./world.ts";

let installation: FakeInstallation;
const children: ChildProcess[] = [];
const computers: TestComputer[] = [];

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
  }
  for (const computer of computers.splice(0)) {
    computer[Symbol.dispose]();
  }
});
afterAll(() => installation[Symbol.asyncDispose]());

/** Starts the real command as ada, with nothing at its standard input. */
function start(...argv: string[]): ChildProcess & { readonly out: () => string } {
  const computer = installation.computerOf("ada");
  computers.push(computer);
  const { url, caFile } = installation.api;
  const child = spawn(process.execPath, [path.join(repository, "cli", "main.ts"), ...argv], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: computer.home,
      AWS_ENDPOINT_URL: installation.sandbox.url,
      SALLYPORT_URL: url,
      SALLYPORT_CA_FILE: caFile,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  }
  return Object.assign(child, { out: () => said });
}

const exitOf = async (child: ChildProcess): Promise<number | null> =>
  ((await once(child, "close")) as [number | null])[0];

/** A tail that gives a line now and then, for ever. */
function chattyTail(everyMs: number): void {
  installation.on("GET /v1/audit/tail", (_, response) => {
    let storeSeq = 0;
    const timer = setInterval(() => {
      storeSeq += 1;
      const event = { storeSeq, event: "session-open", time: "2026-01-01T00:00:00.000Z", session: "s" };
      response.write(`${JSON.stringify({ ...event, userName: "ada", database: "d", role: "r", grantID: "" })}\n`);
    }, everyMs);
    response.on("close", () => clearInterval(timer));
    return undefined;
  });
}

describe("the process", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("ends a tail in order on %s", async (signal) => {
    chattyTail(10);
    const child = start("audit", "tail");
    await once(child.stdout as NodeJS.ReadableStream, "data");

    child.kill(signal);

    expect(await exitOf(child)).toBe(0);
  });

  it("ends when its reader goes away, as with `| head`", async () => {
    chattyTail(5);
    const child = start("audit", "tail");
    await once(child.stdout as NodeJS.ReadableStream, "data");

    child.stdout?.destroy();

    expect(await exitOf(child)).not.toBeNull();
    expect(child.out()).not.toContain("EPIPE");
  });

  it("ends with 130 when it is stopped while it waits for access, and frees its port", async () => {
    const grant = {
      grantID: "gmztgmztgmztgmztgmztgmztgmy",
      state: "Provisioning",
      message: "Being made.",
      readyReason: "",
    };
    installation.on("GET /v1/databases", () => ({
      body: { items: [{ database: "orders", role: "read_only", engine: "PostgreSQL", reason: "Optional" }] },
    }));
    installation.on("POST /v1/grants", ({ body }) => ({
      body: (body as { dryRun?: boolean }).dryRun
        ? { change: "WillActivate", durationSeconds: 60 }
        : { change: "Activating", durationSeconds: 60, grant },
    }));
    installation.on(`GET /v1/grants/${grant.grantID}`, () => ({ body: grant }));
    const port = await freePort();
    const child = start("rds", "proxy", "--yes", "--port", String(port));
    while (!child.out().includes("Being made.")) {
      await once(child.stderr as NodeJS.ReadableStream, "data");
    }

    // It holds the port already, so that nothing is asked for in vain.
    await once(connect(port, "127.0.0.1"), "connect");
    child.kill("SIGINT");

    expect(await exitOf(child)).toBe(130);
    // Nobody looks at it: no colours, and no line that is drawn anew.
    expect(child.out()).toSatisfy(isPlain);
    await expect(once(connect(port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("does not wait for an answer that nobody can give", async () => {
    installation.on("GET /v1/databases", () => ({
      body: {
        items: ["read_only", "app_owner"].map((role) => ({ database: "orders", role, engine: "PostgreSQL" })),
      },
    }));
    const child = start("rds", "proxy");

    expect(await exitOf(child)).toBe(1);
    expect(child.out()).toContain("next: Name them: sallyport rds proxy --database orders --role read_only");
  });
});
