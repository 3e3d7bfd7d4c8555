import type { Me } from "#wire/control-api.ts";
import { callerOf, type Route } from "../route.ts";
import { instant, listOf, object, oneOf, text } from "../schemas.ts";
import type { Services } from "../services.ts";

/** Who the caller is here. */
export function meRoute({ installation, clock }: Pick<Services, "installation" | "clock">): Route {
  return {
    method: "GET",
    path: "/v1/me",
    operationID: "getMe",
    summary: "Who the caller is here, and what they may do beyond their own grants.",
    rule: "person",
    response: object(
      {
        userName: text(128),
        userID: text(64),
        displayName: text(1024, 0),
        roles: listOf(oneOf("auditor", "administrator")),
        installation: text(63),
        groups: listOf(text(1024)),
        expiryTime: instant,
      },
      ["expiryTime"],
    ),
    handle: async (request): Promise<Me> => {
      const { userName, userID, displayName, groups, auditGroup, administrator, sessionLeftMs } = callerOf(request);
      const roles = [
        ...(auditGroup ? (["auditor"] as const) : []),
        ...(administrator ? (["administrator"] as const) : []),
      ];
      const expiry =
        sessionLeftMs === undefined ? {} : { expiryTime: new Date(clock.now() + sessionLeftMs).toISOString() };
      return { userName, userID, displayName, roles, installation, groups, ...expiry };
    },
  };
}

/** `POST /v1/logout`: a token that was forgotten would work for a quarter of an hour in whoever's hands it is. */
export function logoutRoute(): Route {
  return {
    method: "POST",
    path: "/v1/logout",
    operationID: "logout",
    summary: "Ends the token, or the browser's session, that the caller came with, and the streams that it opened.",
    rule: "person",
    response: object({}),
    handle: async (request): Promise<void> => callerOf(request).signOut?.(),
  };
}
