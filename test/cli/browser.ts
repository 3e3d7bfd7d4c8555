import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { vi } from "vitest";

/** A program in the place of a browser: it keeps the address that it is given, and a test goes there. */
export interface FakeBrowser {
  /** For `BROWSER`. */
  readonly program: string;
  /** The address, once the program was started. */
  opened(): Promise<string>;
}

/** Puts one into a folder. */
export function fakeBrowser(folder: string): FakeBrowser {
  const program = path.join(folder, "browser");
  const kept = `${program}.address`;
  writeFileSync(program, '#!/bin/sh\nprintf %s "$1" > "$0.new"; mv "$0.new" "$0.address"\n');
  chmodSync(program, 0o755);
  return {
    program,
    async opened() {
      await vi.waitUntil(() => existsSync(kept), { timeout: 5_000 });
      return readFileSync(kept, "utf8");
    },
  };
}

/** Signs in on the sandbox's page at `address` as `userName`; gives where the browser is then sent. Undefined: says no. */
export async function decideAtPortal(address: string, userName: string | undefined): Promise<string> {
  const page = await (await fetch(address)).text();
  const hidden = [...page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)];
  const fields = hidden.map(([, name = "", value = ""]): [string, string] => [name, value]);
  const decision: [string, string] = userName === undefined ? ["decision", "deny"] : ["user_name", userName];
  const answer = await fetch(new URL("/_sandbox/authorize", address), {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams([...fields, decision]),
  });
  const location = answer.headers.get("location");
  if (location === null) {
    throw new Error(`the portal sent nobody back: ${await answer.text()}`);
  }
  return location;
}
