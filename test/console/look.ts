import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";

/** Keeps a picture of the page for a person to look at, where `SALLYPORT_SCREENSHOTS` names a folder; nothing otherwise. */
export async function look(page: Page, name: string): Promise<void> {
  const folder = process.env["SALLYPORT_SCREENSHOTS"];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
  }
}
