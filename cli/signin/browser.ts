import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pause } from "#lib/clock.ts";
import type { World } from "../command.ts";

/** How long a browser has to read the page that leads on; one that starts cold takes seconds. */
const readingMs = 10_000;

/** The program that opens an address, and what it is told before the address. */
export type Opener = readonly [file: string, ...before: string[]];

/**
 * What opens an address in a browser of this computer; undefined where there is none that the person sees: over SSH, without a display, in
 * a pipeline. `BROWSER` names one in every case (as for `xdg-open` and the `aws` command line).
 */
export function openerFor(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): Opener | undefined {
  const { BROWSER, CI, SSH_CONNECTION, SSH_TTY, DISPLAY, WAYLAND_DISPLAY } = environment;
  if (BROWSER) {
    return [BROWSER];
  }
  if (CI || SSH_CONNECTION || SSH_TTY) {
    return undefined;
  }
  switch (platform) {
    case "darwin":
      return ["open"];
    case "win32":
      // `start` is no program, and its shell would read the address.
      return ["rundll32", "url.dll,FileProtocolHandler"];
    default:
      return DISPLAY || WAYLAND_DISPLAY ? ["xdg-open"] : undefined;
  }
}

/** Opens an address. Whether a person sees it cannot be told; false where the program could not even be started. */
export function openAddress([file, ...before]: Opener, address: string, world: World): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(file, [...before, address], {
      detached: true,
      stdio: "ignore",
      env: { ...world.environment },
    });
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

/**
 * Opens an address that is a secret. Other users of the computer see what programs are started with, so the browser is given a page that
 * leads there, which its owner alone can read, and which is removed again. It lies in the home directory itself: browsers in a sandbox
 * of their own may not read hidden folders, and have another `/tmp`.
 */
export async function openPrivately(opener: Opener, address: string, world: World): Promise<boolean> {
  const name = Buffer.from(world.random(8)).toString("hex");
  const file = path.join(world.homeDirectory, `sallyport-${name}.html`);
  const target = address.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const head = `<meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Sallyport</title>`;
  writeFileSync(file, `<!doctype html>${head}<meta http-equiv="refresh" content="0;url=${target}">\n`, {
    mode: 0o600,
    flag: "wx",
  });
  try {
    const isStarted = await openAddress(opener, file, world);
    if (isStarted) {
      // Whoever stops the command early has it removed early; the wait has no other end that matters.
      await pause(world.clock, readingMs, world.signal).catch(() => {});
    }
    return isStarted;
  } finally {
    rmSync(file, { force: true });
  }
}
