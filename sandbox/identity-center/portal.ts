import type { Context } from "../context.ts";
import type { IssuedCredentials } from "../credentials.ts";
import type { PersonCredentials } from "../env-file.ts";
import { type Input, optionalText, text } from "../input.ts";
import { page, type PagingNames } from "../paging.ts";
import { AwsError, type Call, type Operation, type Service } from "../service.ts";
import { appliesTo, type Person, type State } from "../state.ts";
import type { PortalSession, PortalSessions } from "./sessions.ts";

const portalPaging: PagingNames = { size: "max_result", token: "next_token" };

/** The access portal: what a signed-in person may use at this moment. It takes no signature but the portal's bearer token. */
export function portalService(context: Context, sessions: PortalSessions): Service {
  const { state } = context;
  return {
    signingName: "awsssoportal",
    protocol: "rest-json",
    target: "",
    routes: [
      { method: "GET", path: "/federation/credentials", operation: "GetRoleCredentials" },
      { method: "GET", path: "/assignment/accounts", operation: "ListAccounts" },
      { method: "GET", path: "/assignment/roles", operation: "ListAccountRoles" },
      { method: "POST", path: "/logout", operation: "Logout" },
    ],
    unsigned: ["GetRoleCredentials", "ListAccounts", "ListAccountRoles", "Logout"],
    mutating: ["Logout"],
    operations: {
      GetRoleCredentials(input, call) {
        const { person } = signedIn(state, sessions, call);
        const issued = roleCredentials(context, person, queryText(input, "role_name"), queryText(input, "account_id"));
        return {
          roleCredentials: {
            accessKeyId: issued.accessKeyID,
            secretAccessKey: issued.secretAccessKey,
            sessionToken: issued.sessionToken,
            expiration: issued.expiresAt,
          },
        };
      },
      ListAccounts: listAccounts(state, sessions),
      ListAccountRoles(input, call) {
        const { person } = signedIn(state, sessions, call);
        const accountID = queryText(input, "account_id");
        const names = usableSets(state, person)
          .filter((one) => one.accountID === accountID)
          .map((one) => one.name);
        if (names.length === 0) {
          throw noAccess();
        }
        const { items, next } = page(names, input, portalPaging);
        return { roleList: items.map((roleName) => ({ roleName, accountId: accountID })), nextToken: next };
      },
      Logout(_input, call) {
        sessions.end(signedIn(state, sessions, call).session);
        return {};
      },
    },
  };
}

/**
 * Credentials of a permission set's role for a person who has it assigned now. Throws `ForbiddenException` (403, "No access")
 * otherwise, as the portal does for a role that does not exist too.
 */
export function roleCredentials(
  { state, clock }: Context,
  person: Person,
  permissionSetName: string,
  accountID: string,
): IssuedCredentials {
  const usable = usableSets(state, person).find((one) => one.accountID === accountID && one.name === permissionSetName);
  const role = usable === undefined ? undefined : state.roles.byID(usable.roleID);
  if (usable === undefined || role === undefined) {
    throw noAccess();
  }
  return state.credentials.mintForRole(role, person.userName, clock.now() + usable.sessionSeconds * 1000);
}

/** Credentials of the first set that each person may use, by name; for people who may sign in. */
export function peopleCredentials(context: Context): PersonCredentials[] {
  const found: PersonCredentials[] = [];
  for (const person of context.state.people.values()) {
    const usable = usableSets(context.state, person)[0];
    if (person.status === "ENABLED" && usable !== undefined) {
      const credentials = roleCredentials(context, person, usable.name, usable.accountID);
      found.push({ userName: person.userName, permissionSetName: usable.name, credentials });
    }
  }
  return found;
}

interface UsableSet {
  readonly accountID: string;
  readonly name: string;
  readonly roleID: string;
  readonly sessionSeconds: number;
}

/** What is assigned to the person, directly or through a group, each set once per account, by name. */
function usableSets(state: State, person: Person): UsableSet[] {
  const found = new Map<string, UsableSet>();
  for (const assignment of state.assignments.values()) {
    const set = state.permissionSets.get(assignment.permissionSetARN);
    const provisioned = set?.provisioned.get(assignment.accountID);
    if (set !== undefined && provisioned !== undefined && appliesTo(state, assignment, person.userID)) {
      const { roleID, sessionSeconds } = provisioned;
      const { accountID } = assignment;
      found.set(`${accountID}/${set.name}`, { accountID, name: set.name, roleID, sessionSeconds });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function listAccounts(state: State, sessions: PortalSessions): Operation {
  return (input, call) => {
    const { person } = signedIn(state, sessions, call);
    const accountIDs = new Set(usableSets(state, person).map((one) => one.accountID));
    const accounts = [...state.accounts.values()].filter((account) => accountIDs.has(account.accountID));
    const { items, next } = page(accounts, input, portalPaging);
    const accountList = items.map(({ accountID, name, emailAddress }) => ({
      accountId: accountID,
      accountName: name,
      emailAddress,
    }));
    return { accountList, nextToken: next };
  };
}

/** The person of the bearer token. A person who was disabled or deleted is not signed in any more. */
function signedIn(state: State, sessions: PortalSessions, call: Call): { session: PortalSession; person: Person } {
  const session = sessions.find(call.headers["x-amz-sso_bearer_token"] ?? "");
  const person = session === undefined ? undefined : state.people.get(session.userID);
  if (session === undefined || person?.status !== "ENABLED") {
    throw new AwsError("UnauthorizedException", "Session token not found or invalid", 401);
  }
  return { session, person };
}

function queryText(input: Input, name: string): string {
  if (optionalText(input, name) === undefined) {
    throw new AwsError("InvalidRequestException", `The parameter ${name} is missing.`);
  }
  return text(input, name);
}

function noAccess(): AwsError {
  return new AwsError("ForbiddenException", "No access", 403);
}
