import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type RequestOptions, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { createApp } from "./app.ts";
import { Tokens } from "./auth/tokens.ts";
import { mountConsole, readConsoleAssets } from "./console-assets.ts";
import type { Route } from "./route.ts";
import { type ListeningServer, startServer } from "./server.ts";

const script = `console.log("${"word ".repeat(100)}");`;
const scriptName = "assets/main-Abc123.js";
const health: Route = {
  method: "GET",
  path: "/healthz",
  operationID: "getHealth",
  summary: "",
  rule: "public",
  response: {},
  handle: async () => ({ ok: true }),
};
let directory: string;
let server: ListeningServer;
let agent: Agent;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "sallyport-console-"));
  mkdirSync(path.join(directory, "assets"));
  writeFileSync(path.join(directory, "index.html"), "<!doctype html><title>Sallyport</title>");
  writeFileSync(path.join(directory, scriptName), script);
  writeFileSync(path.join(directory, "assets/tiny-Def456.css"), "a{}");
  const authority = await createAuthority("test CA", Date.now());
  agent = new Agent({ ca: authority.certificate });
  const { certificate, privateKey } = await authority.issue(["127.0.0.1"]);
  const tokens = new Tokens(manualClock(), (bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
  const app = createApp([health], tokens, { auditors: undefined, administrators: undefined }, silentLog);
  const assets = readConsoleAssets(directory);
  if (assets === undefined) {
    throw new Error("the console was not read");
  }
  mountConsole(app, assets);
  server = await startServer({ host: "127.0.0.1", port: 0, certificate, privateKey, app, onLink: () => {} });
});

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

async function get(place: string, options: RequestOptions = {}): Promise<{ head: IncomingMessage; body: Buffer }> {
  const sent = request({ host: "127.0.0.1", port: server.port, path: place, agent, ...options });
  sent.end();
  const [head] = (await once(sent, "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of head) {
    parts.push(part as Buffer);
  }
  return { head, body: Buffer.concat(parts) };
}

describe("the console over HTTPS", () => {
  it.each(["/", "/console"])("%s leads to the console", async (place) => {
    const { head } = await get(place);

    expect(head.statusCode).toBe(302);
    expect(head.headers.location).toBe("/console/");
  });

  it.each(["/console/", "/console/grants/gabc", "/console/request/default/orders/read%5Fonly"])(
    "%s is the page, which is asked for anew each time",
    async (place) => {
      const { head, body } = await get(place);

      expect(head.statusCode).toBe(200);
      expect(body.toString()).toContain("<title>Sallyport</title>");
      expect(head.headers["content-type"]).toBe("text/html; charset=utf-8");
      expect(head.headers["cache-control"]).toBe("no-store");
    },
  );

  it("a file whose name has a hash is kept for ever, and comes compressed to who can read that", async () => {
    const plain = await get(`/console/${scriptName}`);
    const small = await get(`/console/${scriptName}`, { headers: { "accept-encoding": "gzip, br" } });

    expect(plain.body.toString()).toBe(script);
    expect(plain.head.headers["content-encoding"]).toBeUndefined();
    expect(plain.head.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(plain.head.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(small.head.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(small.body).toString()).toBe(script);
    expect(small.head.headers.vary).toContain("accept-encoding");
    expect(small.head.headers.etag).not.toBe(plain.head.headers.etag);
  });

  it("who has a file already gets no second copy", async () => {
    const { head } = await get(`/console/${scriptName}`);

    const again = await get(`/console/${scriptName}`, {
      headers: { "if-none-match": `"other", ${head.headers.etag}` },
    });
    const other = await get(`/console/${scriptName}`, { headers: { "if-none-match": '"other"' } });

    expect(again.head.statusCode).toBe(304);
    expect(again.body.length).toBe(0);
    expect(other.head.statusCode).toBe(200);
  });

  it.each(["/console/", `/console/${scriptName}`, "/"])(
    "%s carries every header that keeps other sites and injected text out",
    async (place) => {
      const { head } = await get(place);

      expect(head.headers["content-security-policy"]).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      );
      expect(head.headers).toMatchObject({
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": "max-age=31536000",
      });
      expect(head.headers["access-control-allow-origin"]).toBeUndefined();
    },
  );

  it.each([
    "/console/assets/main-Gone99.js",
    "/console/assets/../index.html",
    "/console/assets/..%2findex.html",
    "/console/assets/%2e%2e/%2e%2e/package.json",
  ])("%s is no file, and no page either", async (place) => {
    const { head, body } = await get(place);

    // A path that leads out of the folder is resolved by URL rules before it is looked up, and then is a page at most.
    const isPage = head.statusCode === 200;
    expect(isPage ? body.toString() : head.statusCode).toEqual(isPage ? expect.stringContaining("<title>") : 404);
    expect(body.toString()).not.toContain("dependencies");
    expect(head.headers["cache-control"]).toBe("no-store");
  });

  it.each(["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])("%s does nothing", async (method) => {
    const { head } = await get("/console/", { method });

    expect(head.statusCode).toBeGreaterThanOrEqual(404);
  });

  it("the control API's own routes stay as they are", async () => {
    const { head, body } = await get("/healthz");

    expect(head.statusCode).toBe(200);
    expect(JSON.parse(body.toString())).toEqual({ ok: true });
  });
});

describe("reading a built console", () => {
  it("a folder without one has none", () => {
    expect(readConsoleAssets(path.join(directory, "nowhere"))).toBeUndefined();
  });

  it("a file that was not meant for browsers stops it", () => {
    const other = mkdtempSync(path.join(tmpdir(), "sallyport-console-"));
    mkdirSync(path.join(other, "assets"));
    writeFileSync(path.join(other, "index.html"), "");
    writeFileSync(path.join(other, "assets/main.js.map"), "{}");

    expect(() => readConsoleAssets(other)).toThrow("main.js.map is no file of the console");
    rmSync(other, { recursive: true });
  });
});
