import type { Command } from "../command.ts";
import { auditSearch, auditTail } from "./audit.ts";
import { auditExport, auditPublicKey } from "./audit-export.ts";
import { auditVerify } from "./audit-verify.ts";
import { openConsole } from "./console.ts";
import { databasesList } from "./databases.ts";
import { deletionsConfirm } from "./deletions.ts";
import { grantsGet, grantsList, grantsRevoke } from "./grants.ts";
import { type LeftoversLoaders, leftoversCommands } from "./leftovers.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { type PlanLoaders, planCommands } from "./plan.ts";
import { type ProcessLoaders, processCommands } from "./processes.ts";
import { rdsProxy } from "./rds-proxy.ts";
import { validate } from "./validate.ts";

/** Every command of `sallyport`, in the order in which help and documentation show them. */
export function allCommands(load: ProcessLoaders & PlanLoaders & LeftoversLoaders): readonly Command[] {
  return [
    login,
    logout,
    rdsProxy,
    databasesList,
    grantsList,
    grantsGet,
    grantsRevoke,
    openConsole,
    auditTail,
    auditSearch,
    auditExport,
    auditVerify,
    auditPublicKey,
    validate,
    ...planCommands(load),
    deletionsConfirm,
    ...leftoversCommands(load),
    ...processCommands(load),
  ];
}
