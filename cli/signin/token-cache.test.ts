import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { findTokens, type PortalToken, storeToken } from "./token-cache.ts";

const startURL = "https://example.awsapps.com/start";
const region = "eu-west-1";
const token: PortalToken = {
  startURL,
  region,
  accessToken: new Secret("token-1"),
  expiryTime: "2026-01-01T08:00:00.123Z",
};
const renewal = {
  clientID: "client",
  clientSecret: new Secret("client-secret"),
  registrationExpiryTime: "2026-03-01T00:00:00.000Z",
  refreshToken: new Secret("refresh"),
};

/** A computer on 2026-01-01T00:00:00Z whose cache holds these files. */
function computerWith(files: Readonly<Record<string, unknown>> = {}): TestComputer {
  const computer = testComputer({ clock: manualClock() });
  const folder = path.join(computer.home, ".aws", "sso", "cache");
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return computer;
}

function cached(computer: TestComputer, name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(computer.home, ".aws", "sso", "cache", name), "utf8")) as never;
}

const found = (computer: TestComputer): string[] =>
  findTokens(startURL, region, computer.world).map((one) => one.accessToken.reveal());

describe("a token that we store", () => {
  it("is not written through a link, nor into a file that others may read, that somebody put in its way", () => {
    using computer = testComputer({ clock: manualClock() });
    const folder = path.join(computer.home, ".aws", "sso", "cache");
    const staging = path.join(folder, `${createHash("sha1").update(startURL).digest("hex")}.json.${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const elsewhere = path.join(computer.home, "elsewhere");
    writeFileSync(elsewhere, "theirs", { mode: 0o666 });
    symlinkSync(elsewhere, staging);

    storeToken(token, computer.world);

    expect(readFileSync(elsewhere, "utf8")).toBe("theirs");
    expect(found(computer)).toEqual(["token-1"]);
  });

  it("has the name and the form in which the aws command line looks for it, and is its owner's only", () => {
    using computer = testComputer({ clock: manualClock() });

    storeToken({ ...token, renewal }, computer.world);

    const name = `${createHash("sha1").update(startURL).digest("hex")}.json`;
    expect(cached(computer, name)).toEqual({
      startUrl: startURL,
      region,
      accessToken: "token-1",
      expiresAt: "2026-01-01T08:00:00Z",
      clientId: "client",
      clientSecret: "client-secret",
      registrationExpiresAt: "2026-03-01T00:00:00Z",
      refreshToken: "refresh",
    });
    const folder = path.join(computer.home, ".aws", "sso", "cache");
    expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([name]);
    expect(found(computer)).toEqual(["token-1"]);
  });

  it("goes back to the file that it came from, whatever else that holds", () => {
    const session = {
      startUrl: startURL,
      region,
      accessToken: "old",
      expiresAt: "2026-01-01T08:00:00Z",
      clientId: "client",
      clientSecret: "client-secret",
      registrationExpiresAt: "2026-03-01T00:00:00Z",
      refreshToken: "refresh",
      somethingNew: true,
    };
    using computer = computerWith({ "session.json": session });
    const [first] = findTokens(startURL, region, computer.world);

    storeToken({ ...(first as PortalToken), accessToken: new Secret("new") }, computer.world);

    expect(cached(computer, "session.json")).toEqual({ ...session, accessToken: "new" });
  });
});

describe("a token that the aws command line stored", () => {
  const legacy = { startUrl: startURL, region, accessToken: "legacy", expiresAt: "2026-01-01T04:00:00Z" };

  it("is found whether it is of a start URL or of an sso-session; the one that holds longest first", () => {
    using computer = computerWith({
      "legacy.json": legacy,
      "session.json": { ...legacy, accessToken: "session", expiresAt: "2026-01-01T05:00:00Z", refreshToken: "r" },
      "older-botocore.json": { ...legacy, accessToken: "older", expiresAt: "2026-01-01T03:00:00UTC" },
      "registration.json": { clientId: "c", clientSecret: "s", expiresAt: "2026-03-01T00:00:00Z" },
    });

    expect(found(computer)).toEqual(["session", "legacy", "older"]);
  });

  it.each([
    ["that is over", { ...legacy, expiresAt: "2025-12-31T23:59:59Z" }],
    ["that is over within a minute", { ...legacy, expiresAt: "2026-01-01T00:00:59Z" }],
    ["of another portal", { ...legacy, startUrl: "https://other.awsapps.com/start" }],
    ["of another region", { ...legacy, region: "us-east-1" }],
    ["without a time", { ...legacy, expiresAt: "soon" }],
    ["without a token", { ...legacy, accessToken: "" }],
    ["half written", '{"startUrl":'],
    ["that is no object", "null"],
  ])("is not used: one %s", (_, content) => {
    using computer = computerWith({ "file.json": content, "notes.txt": legacy });

    expect(found(computer)).toEqual([]);
  });

  it("is over but can be renewed: it is given with what that takes", () => {
    const over = { ...legacy, expiresAt: "2025-12-31T00:00:00Z", refreshToken: "refresh" };
    const client = { clientId: "c", clientSecret: "s", registrationExpiresAt: "2026-01-02T00:00:00Z" };
    using computer = computerWith({
      "renewable.json": { ...over, ...client },
      "registration-over.json": { ...over, ...client, registrationExpiresAt: "2026-01-01T00:00:00Z" },
      "no-registration.json": over,
    });

    const [only, ...others] = findTokens(startURL, region, computer.world);

    expect(others).toEqual([]);
    expect(only?.renewal?.refreshToken.reveal()).toBe("refresh");
  });

  it.each([`${startURL}/`, `${startURL}#/`, `${startURL}/#/`])("is the same portal's when it says %s", (written) => {
    using computer = computerWith({ "file.json": { ...legacy, startUrl: written } });

    expect(found(computer)).toEqual(["legacy"]);
  });
});

it("does not mind that there is no cache", () => {
  using computer = testComputer({ clock: manualClock() });

  expect(found(computer)).toEqual([]);
});
