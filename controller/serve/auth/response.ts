import { instant, listOf, object, oneOf, text } from "../schemas.ts";

/** `Person` */
export const person = object({
  userName: text(128),
  userID: text(64),
  displayName: text(1024, 0),
  roles: listOf(oneOf("auditor", "administrator")),
});

/** `LoginResponse` */
export const loginResponse = object({ token: text(128), expiryTime: instant, person });
