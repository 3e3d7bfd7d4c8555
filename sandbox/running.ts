import { fileURLToPath } from "node:url";
import { createEvaluate } from "./policy/verdict.ts";
import type { Compute } from "./compute.ts";
import type { Context } from "./context.ts";
import type { ChooseCommand, EcsDelays } from "./ecs/options.ts";
import { ecsService } from "./ecs/service.ts";
import type { EcsService } from "./ecs/service.ts";
import { upgradeVerifier } from "./server/verify.ts";
import type { SsmOptions } from "./ssm/options.ts";
import { ssmService } from "./ssm/service.ts";
import type { SsmService } from "./ssm/service.ts";

/** ECS and Session Manager with what tests may do to them. */
export interface RunningCompute extends Compute {
  readonly ecs: EcsService;
  readonly ssm: SsmService;
}

/** Settings of both; everything may be left out. */
export interface ComputeOptions {
  /** What to run for a container. Absent: this checkout's `sallyport proxy`. */
  readonly command?: ChooseCommand;
  readonly ecsDelays?: Partial<EcsDelays>;
  readonly ssm?: Partial<SsmOptions>;
}

/** This checkout's proxy under the Node that runs the sandbox, whatever the image is called. */
const runProxy: ChooseCommand = () => ({
  file: process.execPath,
  args: [fileURLToPath(new URL("../cli/main.ts", import.meta.url)), "proxy"],
});

/** Builds ECS and Session Manager; tasks run as child processes. */
export function createCompute(context: Context, options: ComputeOptions = {}): RunningCompute {
  const { state, clock, random, log, authorize, url } = context;
  const shared = { clock, random, authorize, url };
  const ecs = ecsService({
    ...shared,
    log: log.with({ service: "ecs" }),
    roles: state.roles,
    credentials: state.credentials,
    secrets: state.secrets,
    command: options.command ?? runProxy,
    ...(options.ecsDelays === undefined ? {} : { delays: options.ecsDelays }),
  });
  const ssm = ssmService({
    ...shared,
    log: log.with({ service: "ssm" }),
    evaluate: createEvaluate(clock),
    targets: ecs.targets,
    verifyUpgrade: upgradeVerifier(context),
    ...(options.ssm === undefined ? {} : { options: options.ssm }),
  });
  return {
    ecs,
    ssm,
    services: [ecs, ssm],
    serveTask: (request) => Promise.resolve(ecs.serveTask(request)),
    upgrade: (message, socket, head) => ssm.handleDataChannelUpgrade(message, socket, head),
    async stop() {
      ssm.stop();
      await ecs.stop();
    },
  };
}
