import { readFileSync } from "node:fs";
import path from "node:path";
import type { World } from "../command.ts";
import { samePortal } from "./token-cache.ts";

/** A portal as the `aws` command line knows it. */
export interface SsoSession {
  readonly name: string;
  /** As written there; cached names are made of it. */
  readonly startURL: string;
  /** Absent: none are configured. */
  readonly scopes: readonly string[] | undefined;
}

/**
 * The `sso-session` of `~/.aws/config` for this portal, the first where there are several; undefined where there is none. What is cached
 * under its name is what the `aws` command line and the SDKs look for (AWS SDKs and Tools Reference Guide, IAM Identity Center provider).
 */
export function findSsoSession(startURL: string, region: string, world: World): SsoSession | undefined {
  const file = world.environment["AWS_CONFIG_FILE"] || path.join(world.homeDirectory, ".aws", "config");
  for (const { name, values } of readSections(file)) {
    const written = values.get("sso_start_url");
    if (written !== undefined && samePortal(written, startURL) && values.get("sso_region") === region) {
      const scopes = values
        .get("sso_registration_scopes")
        ?.split(",")
        .map((scope) => scope.trim())
        .filter((scope) => scope !== "");
      return { name, startURL: written, scopes };
    }
  }
  return undefined;
}

interface Section {
  readonly name: string;
  readonly values: Map<string, string>;
}

/** The `[sso-session NAME]` sections. A file that is not there has none. */
function readSections(file: string): Section[] {
  const sections: Section[] = [];
  let values: Map<string, string> | undefined;
  for (const line of readText(file).split(/\r?\n/)) {
    const header = /^\[\s*(.*?)\s*\]/.exec(line);
    if (header !== null) {
      const name = /^sso-session\s+(?:"([^"]+)"|'([^']+)'|(\S+))$/.exec(header[1] ?? "");
      values = name === null ? undefined : new Map();
      if (name !== null && values !== undefined) {
        sections.push({ name: name[1] ?? name[2] ?? name[3] ?? "", values });
      }
      continue;
    }
    const pair = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (pair !== null) {
      values?.set(pair[1] ?? "", pair[2] ?? "");
    }
  }
  return sections;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
