import { assemble, type Assembly, type Hooks } from "./assemble.ts";
import type { IssuedCredentials } from "./credentials.ts";
import { writeEnvironment } from "./env-file.ts";
import { peopleCredentials, roleCredentials } from "./identity-center/portal.ts";
import { portalSessionMs } from "./identity-center/sessions.ts";
import { randomFrom, uniqueID } from "./ids.ts";
import { compileOptions, type CompiledOptions, type SandboxOptions } from "./options.ts";
import { approveDevice, servePage } from "./pages.ts";
import type { Sandbox } from "./sandbox.ts";
import { type CallLog, createCallLog } from "./server/calls.ts";
import { dispatch, type Dispatcher } from "./server/dispatch.ts";
import { type Handlers, listen } from "./server/http.ts";
import { type Person, personByName, type State } from "./state.ts";

/** Starts an offline AWS on one loopback port. Rejects when the port is taken or the seed contradicts itself. */
export async function startSandbox(given: SandboxOptions = {}): Promise<Sandbox> {
  const options = compileOptions(given);
  const hooks: Hooks = { url: "", faults: options.faults, asyncFailure: () => undefined };
  const assembly = assemble(options, hooks);
  const { context, pages, sessions, book, compute } = assembly;
  const { state } = context;
  const calls = createCallLog();
  const listener = await listen(options.host, options.port, handlersOf(assembly, calls, hooks));
  hooks.url = `http://${options.host}:${listener.port}`;
  options.log.info("sandbox listens", { url: hooks.url, region: state.region });

  const startURL = `${hooks.url}/start`;
  const controllerCredentials = mintController(state, options);
  const environment = { url: hooks.url, region: state.region, startURL, credentials: controllerCredentials };
  return {
    url: hooks.url,
    port: listener.port,
    region: state.region,
    startURL,
    state,
    context,
    services: assembly.services,
    ecs: compute.ecs,
    ssm: compute.ssm,
    calls: calls.list,
    events: state.events,
    get readLagMs() {
      return context.reads.lagMs;
    },
    set readLagMs(lagMs) {
      context.reads.lagMs = lagMs;
    },
    get faults() {
      return hooks.faults;
    },
    set faults(plan) {
      hooks.faults = plan;
    },
    get asyncFailure() {
      return hooks.asyncFailure;
    },
    set asyncFailure(decide) {
      hooks.asyncFailure = decide;
    },
    controllerCredentials,
    approveDevice(userCode, userName) {
      const problem = approveDevice(pages, userCode, userName);
      if (problem !== undefined) {
        throw new Error(problem);
      }
    },
    portalToken: (userName) =>
      sessions.accessToken(sessions.begin(requiredPerson(state, userName).userID), portalSessionMs),
    credentialsFor: (userName, permissionSetName, accountID = options.seed.accounts[0]?.accountID ?? "") =>
      roleCredentials(context, requiredPerson(state, userName), permissionSetName, accountID),
    environment,
    writeEnvFile: (file) => writeEnvironment(file, environment, peopleCredentials(context)),
    stop: () => stopAll(compute, book, listener),
  };
}

function handlersOf({ context, services, pages, compute }: Assembly, calls: CallLog, hooks: Hooks): Handlers {
  const { state, clock, random } = context;
  const dispatcher: Dispatcher = {
    services,
    credentials: state.credentials,
    clock,
    random,
    region: state.region,
    calls,
    events: state.events,
    faults: () => hooks.faults,
  };
  return {
    request: async (request) =>
      servePage(request, pages) ?? (await compute.serveTask(request)) ?? (await dispatch(request, dispatcher)),
    upgrade: (message, socket, head) => compute.upgrade(message, socket, head),
    now: () => clock.now(),
  };
}

function mintController(state: State, { seed }: CompiledOptions): IssuedCredentials {
  const { accountID, userName } = seed.controller;
  return state.credentials.mint({
    accountID,
    arn: `arn:aws:iam::${accountID}:user/${userName}`,
    userID: uniqueID(randomFrom(`user ${accountID} ${userName}`), "AIDA"),
    permissions: () => "administrator",
    expiresAt: undefined,
  });
}

function requiredPerson(state: State, userName: string): Person {
  const person = personByName(state, userName);
  if (person === undefined) {
    throw new Error(`the sandbox has no person ${userName}`);
  }
  return person;
}

/** Stops in the order given. */
async function stopAll(...parts: { stop(): void | Promise<void> }[]): Promise<void> {
  for (const part of parts) {
    await part.stop();
  }
}
