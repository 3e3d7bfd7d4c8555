import { spawnSync } from "node:child_process";
import { checkImports } from "./import-law.ts";
import { checkLinks } from "./links.ts";

/** `npm run lint`: lint rules, format, unused code, import law and links of documents. Exit 1 when any of them finds something. */
const commands: readonly (readonly string[])[] = [["oxlint", "--type-aware", "."], ["oxfmt", "--check", "."], ["knip"]];

let failed = false;
for (const [name = "", ...args] of commands) {
  process.stdout.write(`lint: ${[name, ...args].join(" ")}\n`);
  const done = spawnSync(`node_modules/.bin/${name}`, args, { stdio: "inherit" });
  failed ||= done.status !== 0;
}
const imports = checkImports(process.cwd());
process.stdout.write(`lint: import law over ${imports.modules} modules\n`);
const documents = checkLinks(process.cwd());
process.stdout.write(`lint: ${documents.links} links between documents\n`);
const problems = [...imports.problems, ...documents.problems];
process.stdout.write(problems.map((problem) => `${problem}\n`).join(""));
// A glob that matched nothing would look like a clean tree.
failed ||= problems.length > 0 || imports.modules < 100 || documents.links < 100;
process.exitCode = failed ? 1 : 0;
