import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ListAccountsCommand, SSOClient } from "@aws-sdk/client-sso";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { testComputer } from "#test/cli/world.ts";
import { findTokens } from "../signin/token-cache.ts";
import { logout } from "./logout.ts";

let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());

describe("sallyport logout", () => {
  it("ends the session at the access portal, and forgets its tokens and no others", async () => {
    const { sandbox } = installation;
    using computer = installation.computerOf("ada");
    const [token] = findTokens(sandbox.startURL, sandbox.region, computer.world);
    const cache = path.join(computer.home, ".aws", "sso", "cache");
    const other = {
      startUrl: "https://other.awsapps.com/start",
      region: "eu-west-1",
      accessToken: "t",
      expiresAt: "x",
    };
    writeFileSync(path.join(cache, "other.json"), JSON.stringify(other));

    const { code, out } = await computer.run([logout], "logout");

    expect([code, out]).toEqual([0, "Signed out.\n"]);
    expect(readdirSync(cache)).toEqual(["other.json"]);
    const portal = new SSOClient({ region: sandbox.region });
    const accessToken = token?.accessToken.reveal() ?? "";
    await expect(portal.send(new ListAccountsCommand({ accessToken }))).rejects.toThrow("not found or invalid");
    portal.destroy();
  });

  it("forgets a token that is over already, and says when there was none", async () => {
    using computer = installation.computerOf("ada");
    const [token] = findTokens(installation.sandbox.startURL, installation.sandbox.region, computer.world);
    await computer.run([logout], "logout");
    writeFileSync(
      token?.file ?? "",
      JSON.stringify({
        startUrl: installation.sandbox.startURL,
        region: installation.sandbox.region,
        accessToken: "over",
        expiresAt: "2020-01-01T00:00:00Z",
      }),
    );

    const first = await computer.run([logout], "logout", "--output", "json");
    const second = await computer.run([logout], "logout");

    expect(JSON.parse(first.out)).toEqual({ portal: 1, oidc: 0 });
    expect(existsSync(token?.file ?? "")).toBe(false);
    expect(second.out).toBe("You were not signed in.\n");
  });

  it("needs to know where Sallyport is", async () => {
    using computer = testComputer();

    expect((await computer.run([logout], "logout")).err).toContain("sallyport login --url");
  });
});
