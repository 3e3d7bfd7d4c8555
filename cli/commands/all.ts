import type { Command } from "../command.ts";
import { auditSearch, auditTail } from "./audit.ts";
import { auditExport, auditPublicKey } from "./audit-export.ts";
import { auditMigrate } from "./audit-migrate.ts";
import { auditMove } from "./audit-move.ts";
import { auditVerify } from "./audit-verify.ts";
import { completionCommands } from "./completion.ts";
import { openConsole } from "./console.ts";
import { databasesList } from "./databases.ts";
import { deletionsConfirm } from "./deletions.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { extend, grantsGet, grantsList, grantsRevoke, grantsWatch, revoke, wait } from "./grants.ts";
import { type LeftoversLoaders, leftoversCommands } from "./leftovers.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { type PlanLoaders, planCommands } from "./plan.ts";
import { type ProcessLoaders, processCommands } from "./processes.ts";
import { rdsProxy } from "./rds-proxy.ts";
import { request } from "./request.ts";
import { approve, deny, reviews } from "./reviews.ts";
import { sessionsGet, sessionsKill, sessionsList } from "./sessions.ts";
import { slackLink, slackUnlink } from "./slack.ts";
import { validate } from "./validate.ts";

/** Every command of `sallyport`, in the order in which help and documentation show them. */
export function allCommands(load: ProcessLoaders & PlanLoaders & LeftoversLoaders): readonly Command[] {
  const commands: readonly Command[] = [
    login,
    logout,
    rdsProxy,
    request,
    reviews,
    approve,
    deny,
    wait,
    extend,
    revoke,
    databasesList,
    grantsList,
    grantsGet,
    grantsWatch,
    grantsRevoke,
    sessionsList,
    sessionsGet,
    sessionsKill,
    openConsole,
    slackLink,
    slackUnlink,
    doctor,
    ...completionCommands(() => commands),
    events,
    auditTail,
    auditSearch,
    auditExport,
    auditVerify,
    auditPublicKey,
    auditMigrate,
    auditMove,
    validate,
    ...planCommands(load),
    deletionsConfirm,
    ...leftoversCommands(load),
    ...processCommands(load),
  ];
  return commands;
}
