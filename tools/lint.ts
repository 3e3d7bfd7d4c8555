import { spawnSync } from "node:child_process";
import { checkImports } from "./import-law.ts";

/** `npm run lint`: lint rules, format, import law and unused code. Exit 1 when any of them finds something. */
const commands: readonly (readonly string[])[] = [["oxlint", "--type-aware", "."], ["oxfmt", "--check", "."], ["knip"]];

let failed = false;
for (const [name = "", ...args] of commands) {
  process.stdout.write(`lint: ${[name, ...args].join(" ")}\n`);
  const done = spawnSync(`node_modules/.bin/${name}`, args, { stdio: "inherit" });
  failed ||= done.status !== 0;
}
const imports = checkImports(process.cwd());
process.stdout.write(`lint: import law over ${imports.modules} modules\n`);
for (const problem of imports.problems) {
  process.stdout.write(`${problem}\n`);
}
// A glob that matched nothing would look like a clean tree.
failed ||= imports.problems.length > 0 || imports.modules < 100;
process.exitCode = failed ? 1 : 0;
