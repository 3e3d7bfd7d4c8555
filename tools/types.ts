import { spawnSync } from "node:child_process";

/** `npm run types`: what runs on Node, then what runs in a browser. Exit 1 when either has an error. */
const projects = ["tsconfig.json", "console/tsconfig.json"];

const failed = projects.filter((project) => {
  const done = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", project], { stdio: "inherit" });
  return done.status !== 0;
});
process.exitCode = failed.length > 0 ? 1 : 0;
