import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Locator, Page } from "playwright-core";

const folder = path.join(import.meta.dirname, "goldens");
/** A pixel differs where one of its colours is further off than this, of 255: edges of letters are drawn a little differently from time to time. */
const colourTolerance = 40;
/** Part of the pixels that may differ. A moved button is far more, another hinting of a few letters is less. */
const shareTolerance = 0.004;

/**
 * What pictures depend on besides the console: they are compared only where these are the same, which the kept file names say. Another
 * Chromium draws letters a little differently everywhere, and another font moves everything.
 */
export async function drawingOf(browser: Browser, page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send("DOM.enable");
  await session.send("CSS.enable");
  const { root } = await session.send("DOM.getDocument", { depth: 1 });
  const { nodeId } = await session.send("DOM.querySelector", { nodeId: root.nodeId, selector: "h1" });
  const { fonts } = await session.send("CSS.getPlatformFontsForNode", { nodeId });
  await session.detach();
  const font = fonts[0]?.familyName ?? "no font";
  return `chromium-${browser.version().split(".")[0]}-${font}`.toLowerCase().replaceAll(/[^a-z\d-]+/g, "-");
}

/** How a picture compares: `kept` where there was none of this drawing and `UPDATE_GOLDENS` asked to keep it; `absent` where nobody asked. */
export type Comparison = "same" | "kept" | "absent" | { readonly differentShare: number; readonly actual: string };

/** Compares an element with its kept picture. `page`: any page of the browser; the pictures are compared on an empty one. */
export async function compareWithGolden(
  browser: Browser,
  target: Page | Locator,
  drawing: string,
  name: string,
): Promise<Comparison> {
  const actual = await target.screenshot({ animations: "disabled", caret: "hide" });
  const file = path.join(folder, drawing, `${name}.png`);
  if (process.env["UPDATE_GOLDENS"] !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, actual);
    return "kept";
  }
  if (!existsSync(file)) {
    return "absent";
  }
  const differentShare = await difference(browser, readFileSync(file), actual);
  if (differentShare <= shareTolerance) {
    return "same";
  }
  const where = path.join(process.env["TMPDIR"] ?? "/tmp", `sallyport-${name}.png`);
  writeFileSync(where, actual);
  return { differentShare, actual: where };
}

/** The browser decodes the pictures itself, so that no package for PNG is needed. Share of pixels that differ; 1 where the sizes do. */
async function difference(browser: Browser, one: Buffer, other: Buffer): Promise<number> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const pictures = [one, other].map((picture) => picture.toString("base64"));
    const share: unknown = await page.evaluate(`(${compare})(${JSON.stringify(pictures)}, ${colourTolerance})`);
    return Number(share);
  } finally {
    await context.close();
  }
}

/** Runs in an empty page. */
const compare = `async (pictures, tolerance) => {
  const [one, other] = await Promise.all(pictures.map(async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, bitmap.width, bitmap.height);
  }));
  if (one.width !== other.width || one.height !== other.height) return 1;
  let different = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    const off = [0, 1, 2].some((colour) => Math.abs(one.data[at + colour] - other.data[at + colour]) > tolerance);
    different += off ? 1 : 0;
  }
  return different / (one.width * one.height);
}`;
