import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readOidc } from "./oidc-options.ts";

const folder = mkdtempSync(path.join(tmpdir(), "sallyport-oidc-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const least = { "oidc-issuer": "https://login.example.com/tenant", "oidc-client-id": "console" };

describe("the options of OIDC", () => {
  it("say nothing where no issuer is named", () => {
    expect(readOidc({})).toBeUndefined();
  });

  it("need the issuer and the client; the rest has a default", () => {
    expect(readOidc(least)).toEqual({
      issuer: "https://login.example.com/tenant",
      clientID: "console",
      cliClientID: "console",
      clientSecret: undefined,
      usernameClaim: "preferred_username",
    });
  });

  it("take the secret from a file, without the line end that editors leave", () => {
    const read = readOidc({
      ...least,
      "oidc-client-secret-file": fileOf("secret", "s3cret\n"),
      "oidc-cli-client-id": "cli",
    });

    expect(read?.clientSecret?.reveal()).toBe("s3cret");
    expect(read?.cliClientID).toBe("cli");
  });

  it.each([
    ["http to another machine", { ...least, "oidc-issuer": "http://login.example.com" }],
    ["a query", { ...least, "oidc-issuer": "https://login.example.com/?tenant=1" }],
    ["no address", { ...least, "oidc-issuer": "login.example.com" }],
    ["no client", { "oidc-issuer": "https://login.example.com" }],
    ["a client without an issuer", { "oidc-client-id": "console" }],
    ["a claim without an issuer", { "oidc-username-claim": "upn" }],
    ["an empty secret", { ...least, "oidc-client-secret-file": fileOf("empty", "\n") }],
  ])("are refused with %s", (_, given) => {
    expect(() => readOidc(given)).toThrow(expect.objectContaining({ code: "InvalidOption" }));
  });

  it("name the file of the secret that cannot be read", () => {
    const given = { ...least, "oidc-client-secret-file": path.join(folder, "absent") };

    expect(() => readOidc(given)).toThrow(expect.objectContaining({ code: "FileUnreadable" }));
  });
});
