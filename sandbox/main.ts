// The two doors of this folder: the `sandbox` command, and the same sandbox inside a test or a demo.
export { runSandbox } from "./run.ts";
export { startSandbox } from "./start.ts";
