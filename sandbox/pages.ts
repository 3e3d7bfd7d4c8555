import type { Context } from "./context.ts";
import type { AuthorizationCodes } from "./identity-center/authorization-codes.ts";
import type { DeviceGrants } from "./identity-center/device-grants.ts";
import { mayRedirect, type OidcClients } from "./identity-center/oidc-clients.ts";
import type { Answer } from "./server/answer.ts";
import { decodePairs, type HttpRequest } from "./server/request.ts";
import { escapeText } from "./server/xml.ts";
import { personByName } from "./state.ts";

/** What the pages work on. */
export interface PageParts {
  readonly context: Context;
  readonly grants: DeviceGrants;
  readonly codes: AuthorizationCodes;
  readonly clients: OidcClients;
}

/**
 * The pages that stand for AWS's sign-in in a browser: the sandbox asks nobody for a password, a person picks who they are.
 * Undefined when the path is not a page's.
 */
export function servePage(request: HttpRequest, parts: PageParts): Answer | undefined {
  switch (`${request.method} ${request.path}`) {
    case "GET /_sandbox/device":
      return devicePage(fields(request.query), parts);
    case "POST /_sandbox/device":
      return decideDevice(fields(request.body.toString("utf8")), parts);
    case "GET /authorize":
      return authorizePage(fields(request.query), parts);
    case "POST /_sandbox/authorize":
      return decideAuthorize(fields(request.body.toString("utf8")), parts);
    case "GET /start":
    case "GET /start/":
      return html(200, "Access portal", "<p>This is the sandbox's access portal. Sign in with the command line.</p>");
    default:
      return request.path.startsWith("/_sandbox/")
        ? html(404, "Not found", "<p>There is no such page.</p>")
        : undefined;
  }
}

/** Confirms a device code for a person. Returns why it cannot be, or undefined. */
export function approveDevice({ context, grants }: PageParts, userCode: string, userName: string): string | undefined {
  const grant = grants.byUserCode(userCode);
  const person = personByName(context.state, userName);
  if (grant === undefined) {
    return `The code ${userCode} is not known, or has expired.`;
  }
  if (person?.status !== "ENABLED") {
    return `${userName} cannot sign in.`;
  }
  grant.decision = { userID: person.userID };
  return undefined;
}

function devicePage(query: Fields, { context, grants }: PageParts): Answer {
  const userCode = query["user_code"] ?? "";
  if (userCode === "" || grants.byUserCode(userCode) === undefined) {
    const problem = userCode === "" ? "" : "<p>This code is not known, or has expired.</p>";
    return html(200, "Enter the code", `${problem}<form><input name="user_code"> <button>Go on</button></form>`);
  }
  const hidden = hiddenFields({ user_code: userCode });
  return html(200, `Sign in with code ${userCode}`, form("/_sandbox/device", hidden, context));
}

function decideDevice(body: Fields, parts: PageParts): Answer {
  const userCode = body["user_code"] ?? "";
  const grant = parts.grants.byUserCode(userCode);
  if (body["decision"] === "deny" && grant !== undefined) {
    grant.decision = "denied";
    return html(200, "Denied", "<p>You can close this page.</p>");
  }
  const problem = approveDevice(parts, userCode, body["user_name"] ?? "");
  return problem === undefined
    ? html(200, "Signed in", "<p>You can close this page and go back to your terminal.</p>")
    : html(400, "Not signed in", `<p>${escapeText(problem)}</p>`);
}

function authorizePage(query: Fields, parts: PageParts): Answer {
  const { response_type, code_challenge_method, client_id = "", state = "", code_challenge = "" } = query;
  const { redirect_uri = "" } = query;
  const problem =
    response_type !== "code" || code_challenge_method !== "S256"
      ? "The request lacks a challenge."
      : authorizeProblem(query, parts);
  if (problem !== undefined) {
    return html(400, "Not a sign-in request", `<p>${problem}</p>`);
  }
  const hidden = hiddenFields({ client_id, state, code_challenge, redirect_uri });
  return html(200, "Sign in", form("/_sandbox/authorize", hidden, parts.context));
}

function decideAuthorize(body: Fields, parts: PageParts): Answer {
  const { client_id = "", state = "", code_challenge = "", redirect_uri = "" } = body;
  const person = personByName(parts.context.state, body["user_name"] ?? "");
  const problem = authorizeProblem(body, parts);
  if (problem !== undefined) {
    return html(400, "Not signed in", `<p>${problem}</p>`);
  }
  const target = new URL(redirect_uri);
  target.searchParams.set("state", state);
  if (body["decision"] === "deny" || person?.status !== "ENABLED") {
    target.searchParams.set("error", "access_denied");
  } else {
    const binding = { clientID: client_id, redirectURI: redirect_uri, challenge: code_challenge };
    target.searchParams.set("code", parts.codes.issue(person.userID, binding));
  }
  return { status: 303, headers: { location: target.toString(), "content-type": "text/plain" }, body: "" };
}

/** Why nobody may be sent back with a code: the client and its address must be known, or a stranger would get the code. */
function authorizeProblem(fields: Fields, { clients, context }: PageParts): string | undefined {
  const client = clients.find(fields["client_id"] ?? "");
  if (client === undefined || client.expiresAt <= context.clock.now()) {
    return "The client is not known, or its registration has expired.";
  }
  if (!client.grantTypes.includes("authorization_code") || !mayRedirect(client, fields["redirect_uri"] ?? "")) {
    return "The redirect does not lead to where the client registered it.";
  }
  // RFC 7636 4.2: the base64url of a SHA-256.
  return /^[\w-]{43}$/.test(fields["code_challenge"] ?? "") ? undefined : "The request lacks a challenge.";
}

type Fields = Readonly<Record<string, string>>;

function fields(text: string): Fields {
  try {
    return Object.fromEntries(decodePairs(text));
  } catch {
    return {};
  }
}

function hiddenFields(values: Fields): string {
  return Object.entries(values)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeText(value)}">`)
    .join("");
}

function form(action: string, hidden: string, { state }: Context): string {
  const people = [...state.people.values()]
    .filter((person) => person.status === "ENABLED")
    .map((person) => {
      const label = escapeText(`${person.displayName} (${person.userName})`);
      return `<button name="user_name" value="${escapeText(person.userName)}">${label}</button> `;
    })
    .join("");
  const deny = '<button name="decision" value="deny">Deny</button>';
  return `<p>Who are you?</p><form method="post" action="${action}">${hidden}${people}${deny}</form>`;
}

function html(status: number, title: string, content: string): Answer {
  const head = `<meta charset="utf-8"><title>${escapeText(title)}</title>`;
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; form-action *",
      "cache-control": "no-store",
    },
    body: `<!doctype html><html lang="en"><head>${head}</head><body><h1>${escapeText(title)}</h1>${content}</body></html>\n`,
  };
}
