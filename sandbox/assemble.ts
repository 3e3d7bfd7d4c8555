import { createAuthorize } from "./authorize.ts";
import type { Context } from "./context.ts";
import { createAuthorizationCodes } from "./identity-center/authorization-codes.ts";
import { createDeviceGrants } from "./identity-center/device-grants.ts";
import { createOidcClients } from "./identity-center/oidc-clients.ts";
import { oidcService } from "./identity-center/oidc.ts";
import { portalService } from "./identity-center/portal.ts";
import { createRequestBook, type RequestBook } from "./identity-center/requests.ts";
import { createPortalSessions, type PortalSessions } from "./identity-center/sessions.ts";
import { ssoAdminService } from "./identity-center/sso-admin.ts";
import { identityStoreService } from "./identity-store/identity-store.ts";
import type { CompiledOptions } from "./options.ts";
import type { PageParts } from "./pages.ts";
import { plantSeed } from "./plant.ts";
import { createEventLog } from "./events.ts";
import { createEvaluate } from "./policy/verdict.ts";
import { createReads } from "./reads.ts";
import { rdsService } from "./rds/rds.ts";
import { createCompute, type RunningCompute } from "./running.ts";
import type { Sandbox } from "./sandbox.ts";
import { secretsManagerService } from "./secretsmanager/secretsmanager.ts";
import type { Service } from "./service.ts";
import { emptyState } from "./state.ts";
import { iamService } from "./sts-iam/iam.ts";
import { stsService } from "./sts-iam/sts.ts";

/** What may change while the sandbox runs. */
export interface Hooks {
  url: string;
  faults: Sandbox["faults"];
  asyncFailure: Sandbox["asyncFailure"];
}

/** The parts of a sandbox, before it listens. */
export interface Assembly {
  readonly context: Context;
  readonly services: readonly Service[];
  readonly pages: PageParts;
  readonly sessions: PortalSessions;
  readonly book: RequestBook;
  readonly compute: RunningCompute;
}

/** Plants the seed and builds every service. Throws when the seed contradicts itself. */
export function assemble(options: CompiledOptions, hooks: Hooks): Assembly {
  const context = createContext(options, hooks);
  const { state, clock, random, delays } = context;
  plantSeed(state, options.seed, random, clock.now());
  const sessions = createPortalSessions(clock, random);
  const grants = createDeviceGrants(clock, random);
  const codes = createAuthorizationCodes(clock, random);
  const clients = createOidcClients(clock, random);
  const failure = context.asyncFailure;
  const book = createRequestBook({ clock, random, delayMs: delays.identityCenterMs, failure, events: state.events });
  const compute = createCompute(context, options.compute);
  return {
    context,
    services: [
      ssoAdminService(context, book),
      identityStoreService(context),
      stsService(context),
      iamService(context),
      secretsManagerService(context),
      rdsService(context),
      portalService(context, sessions),
      oidcService(context, { sessions, grants, codes, clients }),
      ...compute.services,
    ],
    pages: { context, grants, codes, clients },
    sessions,
    book,
    compute,
  };
}

function createContext(options: CompiledOptions, hooks: Hooks): Context {
  const { clock, random, log, delays, limits } = options;
  const state = emptyState(options.seed, random, () => clock.now(), createEventLog(clock));
  return {
    state,
    reads: createReads(state, clock),
    clock,
    random,
    log,
    delays,
    limits,
    authorize: createAuthorize(createEvaluate(clock)),
    url: () => hooks.url,
    asyncFailure: (request) => hooks.asyncFailure(request),
  };
}
