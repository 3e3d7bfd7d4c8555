import { registerHooks } from "node:module";

/* Loaded before a proxy process with `--import`: puts plain-connect.ts in the place of the proxy's way to a server. */
const replaced = "/proxy/upstream/connect.ts";
const replacement = new URL("plain-connect.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url.endsWith(replaced) && context.parentURL !== replacement
      ? { ...resolved, url: replacement }
      : resolved;
  },
});
