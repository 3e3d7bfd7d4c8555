import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Context, Hono } from "hono";
import { HttpProblem } from "./route.ts";

/** One file of the console, as it is sent. */
interface Asset {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Absent where compressing saves nothing. */
  readonly gzip?: Uint8Array<ArrayBuffer>;
  /** Strong validator (RFC 9110 8.8.3). */
  readonly tag: string;
}

/** The built console, in memory: a few hundred kilobytes that every page load wants. */
export interface ConsoleAssets {
  readonly index: Asset;
  /** By name below `/console/`, such as `assets/main-DkU3.js`. Names change with their content. */
  readonly files: ReadonlyMap<string, Asset>;
}

/** What a browser may do on our pages. Nothing is loaded from elsewhere, nothing is inline, no text becomes markup, nobody frames us. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** On every answer of the console. */
const headers: Readonly<Record<string, string>> = {
  "content-security-policy": contentPolicy,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  // A year, as browsers' lists ask; only this host, since others of its domain are not ours.
  "strict-transport-security": "max-age=31536000",
  vary: "accept-encoding",
};

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads a built console. Undefined: there is none in that folder. Throws for a file that browsers have no use for: it was not meant to be public. */
export function readConsoleAssets(directory: string): ConsoleAssets | undefined {
  const index = path.join(directory, "index.html");
  if (!existsSync(index)) {
    return undefined;
  }
  const names = globSync("assets/*", { cwd: directory });
  return {
    index: readAsset(index),
    files: new Map(names.map((name) => [name.replaceAll(path.sep, "/"), readAsset(path.join(directory, name))])),
  };
}

function readAsset(file: string): Asset {
  const type = types[path.extname(file)];
  if (type === undefined) {
    throw new Error(`${path.basename(file)} is no file of the console`);
  }
  const body = new Uint8Array(readFileSync(file));
  const gzip = new Uint8Array(gzipSync(body, { level: 9 }));
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, body, tag, ...(gzip.length < body.length ? { gzip } : {}) };
}

/**
 * Serves the console below `/console/`, and leads there from `/`. Every path without a file is the page itself, which knows its own
 * places. To be mounted after the routes below `/console/` that are not pages.
 */
export function mountConsole(app: Hono, assets: ConsoleAssets): void {
  app.get("/", (context) => redirect(context));
  app.get("/console", (context) => redirect(context));
  app.get("/console/assets/:name", (context) => {
    const asset = assets.files.get(`assets/${context.req.param("name")}`);
    if (asset === undefined) {
      // A page of an earlier version asks for its own files: it must not keep this answer, nor take the index for a script.
      throw new HttpProblem(404, "NotFound", "the console has no such file", { next: "Reload the page." });
    }
    return answer(context, asset, "public, max-age=31536000, immutable");
  });
  app.get("/console/*", (context) => answer(context, assets.index, "no-store"));
}

function redirect(context: Context): Response {
  setHeaders(context);
  return context.redirect("/console/", 302);
}

function answer(context: Context, asset: Asset, caching: string): Response {
  setHeaders(context);
  context.header("cache-control", caching);
  context.header("content-type", asset.type);
  const isGzip = asset.gzip !== undefined && /\bgzip\b/.test(context.req.header("accept-encoding") ?? "");
  // The compressed form is another representation, and its validator another one (RFC 9110 8.8.3.3).
  const tag = isGzip ? asset.tag.replace(/"$/, '-gzip"') : asset.tag;
  context.header("etag", tag);
  if (
    context.req
      .header("if-none-match")
      ?.split(/\s*,\s*/)
      .includes(tag) === true
  ) {
    return context.body(null, 304);
  }
  if (isGzip) {
    context.header("content-encoding", "gzip");
  }
  return context.body(isGzip ? (asset.gzip ?? asset.body) : asset.body);
}

function setHeaders(context: Context): void {
  for (const [name, value] of Object.entries(headers)) {
    context.header(name, value);
  }
}
