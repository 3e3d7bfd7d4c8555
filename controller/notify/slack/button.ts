import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "#lib/secret.ts";

/** What a button does, and to what exactly. */
export type ButtonIntent =
  | {
      readonly kind: "approve" | "deny";
      readonly grantID: string;
      /** Of what the message showed: anything else is not decided on. */
      readonly digest: string;
    }
  | {
      readonly kind: "extend";
      readonly grantID: string;
      /** Extensions that there were: pressing twice extends once. */
      readonly count: number;
    };

/** Slack: Block Kit reference, button element, `value`. */
export const buttonValueMax = 2_000;

/** The value of a button: what it does, signed, so that nobody else's message can carry it. `installation`: whose it is. Pure. */
export function buttonValue(intent: ButtonIntent, installation: string, secret: Secret): string {
  const text = Buffer.from(JSON.stringify(intent)).toString("base64url");
  return `${text}.${macOf(text, installation, secret).toString("base64url")}`;
}

/** What a button does; undefined where none of the secrets has signed it for this installation. Pure. */
export function readButton(value: string, installation: string, secrets: readonly Secret[]): ButtonIntent | undefined {
  const [text = "", mac = ""] = value.length > buttonValueMax ? [] : value.split(".");
  const given = Buffer.from(mac, "base64url");
  const isOurs = secrets.some((secret) => {
    const expected = macOf(text, installation, secret);
    return expected.byteLength === given.byteLength && timingSafeEqual(expected, given);
  });
  // What carries our signature was written by us.
  return isOurs ? (JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as ButtonIntent) : undefined;
}

function macOf(text: string, installation: string, secret: Secret): Buffer {
  // Slack signs `v0:` and digits with the same secret: neither can be taken for the other.
  return createHmac("sha256", secret.reveal()).update(`sallyport button ${installation} ${text}`).digest();
}
