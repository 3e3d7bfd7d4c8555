import { registerHooks } from "node:module";
import { writeFileSync } from "node:fs";

/** Preloaded by cli-modules.test.ts: writes the URLs of all modules that the program loaded, a line each, once it ends. */
const loaded = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});
process.on("exit", () => writeFileSync(process.env.SALLYPORT_LOADED_FILE, loaded.join("\n")));
