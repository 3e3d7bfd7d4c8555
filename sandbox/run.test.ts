import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseListen, runSandbox } from "./run.ts";
import { demoSeed } from "./seed.ts";
import { seedProblem } from "./seed-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sandbox-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the command, answers what it printed, and lets the caller end it. */
async function start(options: Record<string, string>) {
  const stopping = new AbortController();
  const printed = Promise.withResolvers<string>();
  const exit = runSandbox(
    { listen: "127.0.0.1:0", "log-level": "silent", ...options },
    stopping.signal,
    printed.resolve,
  );
  exit.catch(printed.reject);
  return { screen: await printed.promise, stop: () => (stopping.abort(), exit) };
}

test("it says where it listens, and its env file makes a shell the controller, readable by its owner alone", async () => {
  const envFile = path.join(folder, "sandbox.env");
  const running = await start({ "write-env": envFile });

  const shown = execFileSync("sh", ["-c", `. "${envFile}"; env`], { encoding: "utf8", env: {} });
  const environment = Object.fromEntries(
    shown.split("\n").map((line): [string, string] => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const identityOf = async (prefix: string) => {
    const client = new STSClient({
      endpoint: environment["AWS_ENDPOINT_URL"] ?? "",
      region: environment["AWS_REGION"] ?? "",
      credentials: {
        accessKeyId: environment[`${prefix}AWS_ACCESS_KEY_ID`] ?? "",
        secretAccessKey: environment[`${prefix}AWS_SECRET_ACCESS_KEY`] ?? "",
        ...(prefix === "" ? {} : { sessionToken: environment[`${prefix}AWS_SESSION_TOKEN`] ?? "" }),
      },
    });
    const { Arn } = await client.send(new GetCallerIdentityCommand({}));
    client.destroy();
    return Arn;
  };
  const arns = [await identityOf(""), await identityOf("ADA_")];
  const mode = statSync(envFile).mode & 0o777;
  const code = await running.stop();

  expect(running.screen).toContain(`An offline AWS listens on ${environment["AWS_ENDPOINT_URL"]} (region eu-west-1).`);
  expect(running.screen).toContain("People: ada, grace, linus, margaret\n");
  expect(arns[0]).toBe("arn:aws:iam::111122223333:user/sallyport-controller");
  expect(arns[1]).toMatch(/assumed-role\/AWSReservedSSO_sallyport_[0-9a-f]{16}\/ada$/);
  expect(mode).toBe(0o600);
  expect(code).toBe(0);
});

test("a seed file replaces the demo organisation", async () => {
  const file = path.join(folder, "seed.json");
  const people = [
    { userName: "zoe", displayName: "Zoe Z", givenName: "Zoe", familyName: "Z", email: "zoe@example.com" },
  ];
  writeFileSync(file, JSON.stringify({ ...demoSeed(), people, groups: [] }));

  const running = await start({ seed: file });
  await running.stop();

  expect(running.screen).toContain("People: zoe\n");
});

test.each([
  ["not JSON", "{", "JSON"],
  ["a missing list", JSON.stringify({ ...demoSeed(), people: undefined }), '"people" must be a list.'],
  ["a typo", JSON.stringify({ ...demoSeed(), peoples: [] }), '"peoples" is not a member'],
  [
    "a bad store",
    JSON.stringify({
      ...demoSeed(),
      identityCenter: { instanceID: "ssoins-6804a1b2c3d4e5f6", identityStoreID: "d-1", accountID: "1" },
    }),
    "identityStoreID",
  ],
])("a seed file with %s is refused with what is wrong", async (_what, content, why) => {
  const file = path.join(folder, "seed.json");
  writeFileSync(file, content);

  await expect(start({ seed: file })).rejects.toMatchObject({ code: "BadSeed", why: expect.stringContaining(why) });
});

test("the demo organisation has the shape that a seed file must have", () => {
  expect(seedProblem(JSON.parse(JSON.stringify(demoSeed())))).toBeUndefined();
});

test("a port that is taken is named, with what to do", async () => {
  const first = await start({});
  const port = /:(\d+) /.exec(first.screen)?.[1] ?? "";

  const second = start({ listen: `127.0.0.1:${port}` });

  await expect(second).rejects.toMatchObject({ code: "PortInUse", message: `Port ${port} on 127.0.0.1 is in use.` });
  await first.stop();
});

test.each(["0.0.0.0:4599", "192.0.2.1:80", "127.0.0.1", "127.0.0.1:70000", "example.com:1", ":80", "127.1:80"])(
  "it does not listen on %s",
  (listen) => {
    expect(() => parseListen(listen)).toThrow(/cannot listen/);
  },
);
