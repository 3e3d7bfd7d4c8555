import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";

/** Where this person's Sallyport is. */
export interface Config {
  /** Address of the control API, `https://…`. */
  readonly url: string;
  /** PEM file of the authority that signed its certificate; absent: the public ones. */
  readonly caFile?: string;
}

/** `$XDG_CONFIG_HOME/sallyport/config.json`, else `~/.config/sallyport/config.json` (XDG Base Directory specification). */
export function configFile(world: World): string {
  const base = world.environment["XDG_CONFIG_HOME"] || path.join(world.homeDirectory, ".config");
  return path.join(base, "sallyport", "config.json");
}

/** The configuration: `SALLYPORT_URL` and `SALLYPORT_CA_FILE`, else the file that `sallyport login --url` wrote. */
export function loadConfig(world: World): Config {
  const { SALLYPORT_URL: url, SALLYPORT_CA_FILE: caFile } = world.environment;
  if (url) {
    return { url: checkedURL(url), ...(caFile ? { caFile } : {}) };
  }
  let text: string;
  try {
    text = readFileSync(configFile(world), "utf8");
  } catch {
    throw new UserError("NotConfigured", "this computer does not know where your Sallyport is", {
      next: "sallyport login --url https://sallyport.example.com",
    });
  }
  const { url: savedURL, caFile: savedCa } = readSaved(text, world);
  return { url: checkedURL(savedURL), ...(savedCa ? { caFile: savedCa } : {}) };
}

/** Remembers where Sallyport is. */
export function saveConfig(config: Config, world: World): void {
  const file = configFile(world);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify({ ...config, url: checkedURL(config.url) }, null, 2)}\n`, { mode: 0o600 });
}

function readSaved(text: string, world: World): { url: string; caFile?: string } {
  try {
    const value = JSON.parse(text) as { url?: unknown; caFile?: unknown };
    return {
      url: typeof value.url === "string" ? value.url : "",
      ...(typeof value.caFile === "string" ? { caFile: value.caFile } : {}),
    };
  } catch {
    throw new UserError("ConfigUnreadable", `${configFile(world)} is not JSON`, {
      next: "sallyport login --url https://sallyport.example.com",
    });
  }
}

function checkedURL(url: string): string {
  if (!URL.canParse(url) || new URL(url).protocol !== "https:") {
    throw new UserError("InvalidURL", `"${url}" is not an https address`, {
      next: "sallyport login --url https://sallyport.example.com",
    });
  }
  return url.replace(/\/+$/, "");
}
