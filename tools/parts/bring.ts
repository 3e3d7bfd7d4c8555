import { bringDebianPackages } from "./debian-packages.ts";
import { bringFromSuite } from "./debian-suite.ts";
import { bringDeployParts } from "./deploy.ts";
import { bringDrivers } from "./drivers.ts";
import { bringKube } from "./kube.ts";
import { bringOperatorDefinitions } from "./operator-definitions.ts";
import { remember } from "./part.ts";
import { bringPipelineChecker } from "./pipelines.ts";
import { bringPromtool } from "./promtool.ts";
import { mysqlRequest, postgresClientRequest } from "./servers.ts";
import { bringSinkServers } from "./sinks.ts";
import { bringStatusPrograms } from "./status-programs.ts";

/** Brings every server and client that tests want and this machine lacks. Whatever cannot be brought is remembered with its reason. */
export function bringParts(report: (text: string) => void): void {
  bringDebianPackages(report);
  bringDrivers(report);
  bringKube(report);
  bringStatusPrograms(report);
  bringDeployParts(report);
  bringPipelineChecker(report);
  bringPromtool(report);
  bringOperatorDefinitions(report);
  bringSinkServers(report);
  for (const [part, request] of [
    ["mysql", mysqlRequest],
    ["postgresClient18", postgresClientRequest],
  ] as const) {
    remember(part, bringFromSuite(request, report));
  }
}
