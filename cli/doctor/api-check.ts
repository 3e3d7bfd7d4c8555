import { coerceError, UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";
import type { Config } from "../config/config.ts";
import { unreachable } from "../control/failure.ts";
import { type Finding, ok, problem, problemOf, warning } from "./finding.ts";
import { type Probed, probe } from "./probe.ts";

/**
 * AWS refuses signatures that are five minutes off (Signature Version 4, "troubleshooting"); a grant's end is shown and warned of by this
 * computer's clock, so far less is worth a word.
 */
export const skewProblemMs = 5 * 60_000;
export const skewWarningMs = 10_000;
/** Certificates that run out within a week are somebody's next outage. */
const certificateWarningMs = 7 * 24 * 3_600_000;

/** Whether the control API answers, by which certificate, which version; and how far the clocks are apart. */
export async function checkApi(config: Config, world: World): Promise<readonly Finding[]> {
  const { url, caFile } = config;
  let answer: Probed;
  try {
    answer = await ask(config, world);
  } catch (error) {
    return [problemOf("api", error instanceof UserError ? error : unreachable(url, coerceError(error)))];
  }
  const version = versionOf(answer);
  if (version === undefined) {
    return [
      problem("api", `${url} answered ${answer.status}, and is no Sallyport`, {
        next: "Check the address: sallyport login --url URL",
      }),
    ];
  }
  const trust = caFile === undefined ? "a public authority" : `the authority in ${caFile}`;
  const findings = [ok("api", `${url} answered within ${Math.round(answer.tookMs)} ms, version ${version}`)];
  if (version !== world.version) {
    findings.push(
      warning("version", `this program is ${world.version}, the controller ${version}`, {
        next: "Where something does not work, use the same version.",
      }),
    );
  }
  findings.push(certificateFinding(answer, trust, world));
  const skew = skewFinding(answer);
  return skew === undefined ? findings : [...findings, skew];
}

/** Whether the console is served. */
export async function checkConsole({ url, caFile }: Config, world: World): Promise<Finding> {
  const page = `${url}/console/`;
  try {
    const { status } = await probe(page, { ...probeOptions(caFile, world) });
    return status === 200
      ? ok("console", `${page} (sallyport console signs your browser in)`)
      : warning("console", `${page} answered ${status}`, { why: "the controller may run with --console off" });
  } catch (error) {
    return warning("console", `${page} cannot be reached`, { why: coerceError(error).message });
  }
}

function ask({ url, caFile }: Config, world: World): Promise<Probed> {
  try {
    return probe(`${url}/v1/openapi.json`, probeOptions(caFile, world));
  } catch (error) {
    throw new UserError("CaFileUnreadable", `${caFile ?? url} cannot be read`, {
      why: coerceError(error).message,
      next: "sallyport login --url URL --ca-file FILE",
    });
  }
}

function probeOptions(caFile: string | undefined, world: World): Parameters<typeof probe>[1] {
  return { signal: world.signal, now: () => world.clock.now(), ...(caFile === undefined ? {} : { caFile }) };
}

function versionOf({ status, body }: Probed): string | undefined {
  try {
    const { info } = JSON.parse(body) as { info?: { version?: unknown } };
    return status === 200 && typeof info?.version === "string" ? info.version : undefined;
  } catch {
    return undefined;
  }
}

function certificateFinding({ certificate }: Probed, trust: string, world: World): Finding {
  const { issuer = "nobody", validTo = "", fingerprint = "" } = certificate ?? {};
  const text = `TLS certificate by ${issuer}, trusted by ${trust}, until ${validTo}, SHA-256 ${fingerprint}`;
  return Date.parse(validTo) - world.clock.now() < certificateWarningMs
    ? warning("tls", text, { why: "it runs out within a week", next: "Tell whoever operates Sallyport." })
    : ok("tls", text);
}

/** How far this computer's clock is from the server's, from what the server said and how long it took. Pure. */
export function skewFinding({
  serverMs,
  sentMs,
  tookMs,
}: Pick<Probed, "serverMs" | "sentMs" | "tookMs">): Finding | undefined {
  if (serverMs === undefined) {
    return undefined;
  }
  // The header is cut to a second, and was written somewhere between question and answer.
  const skewMs = sentMs + tookMs / 2 - (serverMs + 500);
  const far = Math.abs(skewMs);
  const text = `this computer's clock is ${(far / 1_000).toFixed(1)} s ${skewMs < 0 ? "behind" : "ahead of"} the server's`;
  const next = "Set the clock, for example: sudo timedatectl set-ntp true";
  if (far >= skewProblemMs) {
    return problem("clock", text, { why: "AWS takes no signature that is five minutes off", next });
  }
  return far >= skewWarningMs ? warning("clock", text, { next }) : ok("clock", text);
}
