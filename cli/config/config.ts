import { readFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import { writePrivateFile } from "#lib/private-file.ts";
import type { World } from "../command.ts";

/** Where this person's Sallyport is. */
export interface Config {
  /** Address of the control API, `https://…`, without a slash at its end. */
  readonly url: string;
  /** PEM file of the authority that signed its certificate; absent: the public ones. */
  readonly caFile?: string;
}

const tellAddress = "sallyport login --url https://sallyport.example.com";

/** `$XDG_CONFIG_HOME/sallyport/config.json`, else `~/.config/sallyport/config.json` (XDG Base Directory specification). */
export function configFile(world: World): string {
  const base = world.environment["XDG_CONFIG_HOME"] || path.join(world.homeDirectory, ".config");
  return path.join(base, "sallyport", "config.json");
}

/** The configuration: `SALLYPORT_URL` and `SALLYPORT_CA_FILE`, each else from the file that `sallyport login --url` wrote. */
export function loadConfig(world: World): Config {
  const { SALLYPORT_URL: url, SALLYPORT_CA_FILE: caFile } = world.environment;
  if (url) {
    return configOf(url, caFile || undefined);
  }
  const saved = readSaved(world);
  if (saved === undefined) {
    throw new UserError("NotConfigured", "this computer does not know where your Sallyport is", { next: tellAddress });
  }
  return configOf(saved.url, caFile || saved.caFile);
}

/** Checks an address as typed. */
export function configOf(url: string, caFile?: string): Config {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "https:" || parsed.search !== "" || parsed.hash !== "" || parsed.username !== "") {
    throw new UserError("InvalidURL", `"${url}" is not a plain https address`, { next: tellAddress });
  }
  return { url: url.replace(/\/+$/, ""), ...(caFile === undefined ? {} : { caFile }) };
}

/** Remembers where Sallyport is. */
export function saveConfig(config: Config, world: World): void {
  writePrivateFile(configFile(world), `${JSON.stringify(config, null, 2)}\n`);
}

function readSaved(world: World): { url: string; caFile?: string } | undefined {
  let text: string;
  try {
    text = readFileSync(configFile(world), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw new UserError("ConfigUnreadable", `${configFile(world)} cannot be read`, {
      why: (error as Error).message,
      next: tellAddress,
      cause: error,
    });
  }
  try {
    const value = JSON.parse(text) as { url?: unknown; caFile?: unknown };
    return {
      url: typeof value.url === "string" ? value.url : "",
      ...(typeof value.caFile === "string" ? { caFile: value.caFile } : {}),
    };
  } catch {
    throw new UserError("ConfigUnreadable", `${configFile(world)} is not JSON`, { next: tellAddress });
  }
}
