import { existsSync } from "node:fs";
import { type Part, reasonFor } from "./part.ts";

/** Debian's Chromium without a window, which is a third smaller than the whole browser. */
export const chromiumFile = "/usr/bin/chromium-headless-shell";

/** Other places where people have a Chromium; the whole browser does as well. */
const others = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser that the console's tests drive, or why it is missing. `SALLYPORT_CHROMIUM` names another. */
export function chromiumPart(): Part<{ readonly file: string }> {
  const named = process.env["SALLYPORT_CHROMIUM"];
  if (named !== undefined) {
    return existsSync(named) ? { file: named } : { missing: `SALLYPORT_CHROMIUM names ${named}, which is not there` };
  }
  const file = [chromiumFile, ...others].find((candidate) => existsSync(candidate));
  return file === undefined ? { missing: reasonFor("chromium") } : { file };
}
