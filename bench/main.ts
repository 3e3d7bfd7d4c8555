import { parseArgs } from "node:util";
import { formatTunnelBench, runTunnelBench } from "./tunnel.ts";

/**
 * `npm run bench [-- --quick] [-- --output json]`: everything that is measured, in interleaved rounds. Ratios within one run are
 * what counts; single figures say how noisy the machine was.
 */
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    output: { type: "string", default: "text" },
  },
});

const tunnel = await runTunnelBench(values.quick ? { rounds: 3, mebibytes: 8, roundTrips: 200 } : {});
process.stdout.write(values.output === "json" ? `${JSON.stringify({ tunnel })}\n` : `${formatTunnelBench(tunnel)}\n`);
