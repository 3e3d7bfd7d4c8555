#!/usr/bin/env node
// The `sallyport` command of a checkout: the same as `npm run sallyport --`, without npm's own lines.
process.argv.splice(2, 0, "sallyport");
await import("./run.mjs");
