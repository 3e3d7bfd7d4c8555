import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command } from "./command.ts";
import { alone } from "./lock.ts";
import { isMissing, type Part, reasonFor, rememberMissing } from "./part.ts";

/** A Go module of ours that requires Prometheus: `go.mod` pins its version, `go.sum` the checksum of everything in it. */
const module = path.join(import.meta.dirname, "promtool");

/** Looks for the program; builds nothing. */
export function promtoolPart(): Part<{ readonly file: string }> {
  const built = findBuilt(target());
  const file = path.join(built?.folder ?? "", "promtool");
  return built === undefined || !existsSync(file) ? { missing: reasonFor("promtool") } : { file };
}

/** Builds promtool once from its module: about two minutes on two cores, 54 MB. */
export function bringPromtool(report: (text: string) => void): void {
  if (!isMissing(promtoolPart())) {
    return;
  }
  const brought = alone(`${target()}.lock`, () => findBuilt(target()) ?? buildPromtool(report));
  if (isMissing(brought)) {
    rememberMissing("promtool", brought.missing);
  }
}

function buildPromtool(report: (text: string) => void): Part<{ readonly folder: string }> {
  report("building promtool from its Go module (about two minutes, 54 MB, once)");
  return build(target(), (staging) => {
    // Without its service discoveries it needs the modules of none of them; `plugins/` of Prometheus defines the tag.
    const flags = ["-mod=readonly", "-trimpath", "-tags=remove_all_sd", "-ldflags=-s -w"];
    const args = ["-C", module, "build", ...flags, "-o", path.join(staging, "promtool")];
    const from = "github.com/prometheus/prometheus/cmd/promtool";
    const done = command("go", [...args, from], { CGO_ENABLED: "0", GOWORK: "off" });
    return "failed" in done ? `promtool could not be built: ${done.failed}` : undefined;
  });
}

/** A folder for exactly these modules: what pins them is in its name. */
function target(): string {
  const hash = createHash("sha256");
  for (const file of globSync("go.{mod,sum}", { cwd: module }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(module, file)));
  }
  return path.join(cacheDirectory(), `promtool-${hash.digest("hex").slice(0, 12)}`);
}
