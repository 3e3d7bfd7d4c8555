import { plainText } from "../../notify/slack/text.ts";

/** Slack lets names have 80 characters. */
const slackNameMax = 80;

/** Who pressed. Only both IDs together name an account: people of other workspaces meet in shared channels. */
export interface SlackAccount {
  readonly teamID: string;
  readonly slackUserID: string;
  /** For display only: people choose it themselves. */
  readonly slackName: string;
}

/** What somebody did in Slack, as far as it concerns us. */
export type Interaction =
  | {
      readonly kind: "button";
      readonly account: SlackAccount;
      readonly actionID: string;
      readonly value: string;
      /** Where an answer that only the person sees is posted. */
      readonly responseURL: string;
      /** Opens a modal within three seconds. */
      readonly triggerID: string;
    }
  | {
      readonly kind: "modal";
      readonly account: SlackAccount;
      /** The button's value, which the modal carried. */
      readonly value: string;
      readonly comment: string;
    }
  | { readonly kind: "other" };

/** Names of the modal's parts. */
export const modal = { callbackID: "sallyport_deny", block: "comment", input: "comment" } as const;

/** Reads the body of an interaction (Slack: "Interaction payloads"): a form with JSON in `payload`. Undefined for anything else. Pure. */
export function readInteraction(body: string): Interaction | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(new URLSearchParams(body).get("payload") ?? "");
  } catch {
    return undefined;
  }
  const account = accountIn(payload);
  if (account === undefined) {
    return undefined;
  }
  const type = textAt(payload, "type");
  if (type === "block_actions") {
    return {
      kind: "button",
      account,
      actionID: textAt(payload, "actions", 0, "action_id"),
      value: textAt(payload, "actions", 0, "value"),
      responseURL: textAt(payload, "response_url"),
      triggerID: textAt(payload, "trigger_id"),
    };
  }
  if (type === "view_submission" && textAt(payload, "view", "callback_id") === modal.callbackID) {
    return {
      kind: "modal",
      account,
      value: textAt(payload, "view", "private_metadata"),
      comment: textAt(payload, "view", "state", "values", modal.block, modal.input, "value"),
    };
  }
  return { kind: "other" };
}

function accountIn(payload: unknown): SlackAccount | undefined {
  // The person's own workspace, which in a shared channel is another one than the channel's.
  const teamID = textAt(payload, "user", "team_id") || textAt(payload, "team", "id");
  const slackUserID = textAt(payload, "user", "id");
  const named = textAt(payload, "user", "username") || textAt(payload, "user", "name");
  const slackName = plainText(named.replaceAll("\n", " "), slackNameMax);
  const isID = (text: string): boolean => /^[A-Z0-9]{2,20}$/.test(text);
  return isID(teamID) && isID(slackUserID) ? { teamID, slackUserID, slackName } : undefined;
}

/** The text at a path; empty where there is none. */
function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  let at = value;
  for (const name of path) {
    at = typeof at === "object" && at !== null ? (at as Readonly<Record<string | number, unknown>>)[name] : undefined;
  }
  return typeof at === "string" ? at : "";
}
