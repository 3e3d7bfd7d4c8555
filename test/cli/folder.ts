import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A folder of this test process, removed when it ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-cli-"));
  folders.push(folder);
  return folder;
}
