import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "#lib/clock.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { auditExport } from "./audit-export.ts";

const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const grant = { grantID, namespace: "default", name: "ada-orders", userName: "ada", database: "orders" };
const end = JSON.stringify({ end: true, heads: 2, records: 3 });
const day: Clock = { ...systemClock, now: () => Date.parse("2026-03-02T10:00:00Z") };

let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
  installation.on("GET /v1/grants", () => ({ body: { items: [grant] } }));
  installation.on("GET /v1/reviews", () => ({ body: { items: [] } }));
  installation.on("GET /v1/audit/export", (_, response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.end(`{}\n${JSON.stringify({ line: end })}\n`);
    return undefined;
  });
});

/** What was said, what the file holds, and what the controller was asked for. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string; asked: string | undefined }> {
  using computer = installation.computerOf("ada", { clock: day });
  const said = await computer.run([auditExport], "audit", "export", "--to", path.join(computer.home, "t"), ...argv);
  if (said.code === 0) {
    expect(readFileSync(path.join(computer.home, "t"), "utf8")).toBe(`${end}\n`);
  }
  const call = installation.api.calls.find((one) => one.path === "/v1/audit/export");
  return { ...said, out: said.out.replace(computer.home, "~"), asked: call?.query.toString() };
}

describe("audit export", () => {
  it.each([
    ["everything", [], ""],
    ["a grant by its name", ["--grant", "ada-orders"], `grantID=${grantID}`],
    ["a grant that is gone, by its ID", ["--grant", `g${"7".repeat(26)}`], `grantID=g${"7".repeat(26)}`],
    [
      "a while",
      ["--since", "1d", "--until", "2026-03-02T00:00:00Z"],
      "since=2026-03-01T10%3A00%3A00.000Z&until=2026-03-02T00%3A00%3A00.000Z",
    ],
  ])("takes out %s", async (_, argv, asked) => {
    expect(await run(...argv)).toEqual({ code: 0, out: "3 records and 2 heads are in ~/t.\n", err: "", asked });
  });

  it.each([
    [["--since", "yesterday"], '--since must be a time, found "yesterday"'],
    [["--grant", "Ada's"], `"Ada's" is not a grant ID, and no name of a grant`],
    [["--grant", "ada-ordres"], "no grant that you may see is called ada-ordres"],
  ])("asks for nothing with %s", async (argv, message) => {
    const { code, err, asked } = await run(...argv);

    expect({ code, asked }).toEqual({ code: 1, asked: undefined });
    expect(err).toContain(message);
  });
});
