import { createHash } from "node:crypto";
import type { ApprovalStepView } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { Secret } from "#lib/secret.ts";
import { grantLinks } from "../links.ts";
import { type ButtonIntent, buttonValue } from "./button.ts";
import { bold, cut, dateText, durationText, mrkdwn, plainText } from "./text.ts";

interface PlainText {
  type: "plain_text";
  text: string;
  emoji: false;
}
interface Mrkdwn {
  type: "mrkdwn";
  text: string;
  verbatim: true;
}

/** A button of Block Kit: with a value, or with an address. */
export interface Button {
  type: "button";
  action_id: string;
  text: PlainText;
  value?: string;
  style?: "primary" | "danger";
  url?: string;
}

/** The blocks of Block Kit that are used here. Mutable, as Slack's own types have them: a test compares. */
export type Block =
  | { type: "section"; text: PlainText | Mrkdwn }
  | { type: "section"; fields: Mrkdwn[] }
  | { type: "context"; elements: Mrkdwn[] }
  | { type: "actions"; elements: Button[] };

/** What `chat.postMessage` and `chat.update` show. */
export interface Message {
  /** For notifications and screen readers; read as mrkdwn. */
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** What a message shows, in short. */
export function shownIn(message: Message): string {
  return createHash("sha256").update(JSON.stringify(message)).digest("base64url");
}

/** What messages are made with. */
export interface MessageContext {
  readonly installation: string;
  readonly publicURL: string;
  readonly approveInConsole: boolean;
  /** Signs the values of buttons. */
  readonly secret: Secret;
}

/** Names of the buttons, as Slack gives them back. */
export const actionIDs = {
  approve: "sallyport_approve",
  deny: "sallyport_deny",
  extend: "sallyport_extend",
  open: "sallyport_open",
} as const;

/** The message that stands for a grant in the channel: who, what, why, how long, where it stands, and what can be done. Pure. */
export function grantMessage(view: GrantView, context: MessageContext): Message {
  const title = titleOf(view);
  const reason = plainText(view.reason);
  return {
    text: `${title}: ${stateText(view)}`,
    blocks: [
      section(title),
      // The reason is the person's own text: Slack is told to read nothing into it.
      ...(reason === "" ? [] : [{ type: "section" as const, text: plain(reason) }]),
      { type: "section", fields: factsOf(view).map(markdown) },
      { type: "context", elements: [markdown(stateText(view))] },
      actionsOf(view, context),
    ],
  };
}

/** The same for one reviewer alone, while their word is waited for. Pure. */
export function askedMessage(view: GrantView, context: MessageContext): Message {
  const { text, blocks } = grantMessage(view, context);
  const asked = "A request waits for your decision";
  return { text: `${asked}: ${text}`, blocks: [section(`${asked}.`), ...blocks] };
}

/** What becomes of that message when there is nothing left for them to decide. It is not changed again, so it says what stays so. Pure. */
export function settledMessage(view: GrantView, context: MessageContext): Message {
  const said = view.state === "PendingApproval" ? "Your decision is on record." : (settledText(view) ?? "Decided.");
  const title = titleOf(view);
  return {
    text: `${title}: ${said}`,
    blocks: [
      section(title),
      { type: "context", elements: [markdown(said)] },
      { type: "actions", elements: [linkButton("Open in the console", view.grantID, context)] },
    ],
  };
}

function titleOf(view: GrantView): string {
  const isBreakGlass = view.urgency === "BreakGlass";
  const verb = isBreakGlass ? "breaks the glass for" : "asks for";
  return `${isBreakGlass ? ":rotating_light: " : ""}${bold(view.userName)} ${verb} ${what(view)}`;
}

function settledText(view: GrantView): string | undefined {
  const approvers = approversOf(view);
  const isOver = ["Refused", "Ended", "Revoking"].includes(view.state);
  return isOver ? stateText(view) : approvers.length === 0 ? undefined : `Approved by ${boldList(approvers)}.`;
}

function approversOf({ approval }: GrantView): string[] {
  return (approval?.steps ?? []).flatMap(({ decisions }) =>
    decisions.flatMap(({ decision, reviewer }) => (decision === "Approve" ? [reviewer.username] : [])),
  );
}

function boldList(names: readonly string[]): string {
  return names.map((name) => bold(name)).join(", ");
}

/** A short message about a grant, with a button where there is something to do. Pure. */
export function noteMessage(text: string, buttons: readonly Button[] = []): Message {
  return {
    text,
    blocks: [section(text), ...(buttons.length === 0 ? [] : [{ type: "actions" as const, elements: [...buttons] }])],
  };
}

/** What a grant is for: `orders as read_only`. Pure. */
export function what({ database, role }: Pick<GrantView, "database" | "role">): string {
  return `${bold(database)} as ${bold(role)}`;
}

/** Where it stands, in a sentence. Pure. */
export function stateText(view: GrantView): string {
  const approvers = approversOf(view);
  const approved = approvers.length === 0 ? "" : ` · approved by ${boldList(approvers)}`;
  switch (view.state) {
    case "PendingApproval":
      return `Waiting for approval: ${(view.approval?.steps ?? []).map(stepText).join("; ")}`;
    case "Active":
      return `Live${view.expiryTime === undefined ? "" : ` until ${dateText(view.expiryTime)}`}${approved}`;
    case "Scheduled":
      return `Approved, begins ${dateText(view.startTime ?? "")}${approved}`;
    case "Refused":
    case "Ended":
    case "Revoking":
      return `${deniedText(view) ?? `Over${view.endTime === undefined ? "" : ` since ${dateText(view.endTime)}`}${why(view.endReason)}`}${approved}`;
    case "Pending":
    case "Provisioning":
      return `Being prepared${why(view.message)}${approved}`;
  }
}

function why(sentence: string | undefined): string {
  return sentence === undefined || sentence === "" ? "" : `: ${mrkdwn(sentence, 300)}`;
}

function deniedText(view: GrantView): string | undefined {
  const denial = (view.approval?.steps ?? [])
    .flatMap(({ decisions }) => decisions)
    .find(({ decision }) => decision === "Deny");
  return denial === undefined ? undefined : `Denied by ${bold(denial.reviewer.username)}${why(denial.comment)}`;
}

function stepText({ name, state, requiredApprovals, decisions, approvers }: ApprovalStepView): string {
  const count = decisions.filter(({ decision }) => decision === "Approve").length;
  const who = approvers.slice(0, 5).map((approver) => mrkdwn(approver.name));
  const more = approvers.length > 5 ? " and others" : "";
  const of = state === "Approved" ? "approved" : `${count} of ${requiredApprovals} from ${who.join(", ")}${more}`;
  return `${bold(name)} (${of})`;
}

/** Slack: a section has at most 10 fields. */
function factsOf(view: GrantView): string[] {
  const { requester, userName, durationSeconds, startTime, approval, grantID, workflow, namespace } = view;
  return [
    `*For*\n${durationSeconds === undefined ? "as the workflow says" : durationText(durationSeconds)}`,
    ...(startTime === undefined ? [] : [`*From*\n${dateText(startTime)}`]),
    ...(requester === undefined || requester === userName ? [] : [`*Asked by*\n${mrkdwn(requester)}`]),
    ...(approval?.deadline === undefined || view.state !== "PendingApproval"
      ? []
      : [`*To be approved by*\n${dateText(approval.deadline)}`]),
    ...(workflow === undefined ? [] : [`*Workflow*\n${mrkdwn(workflow)}`]),
    `*Namespace*\n${mrkdwn(namespace)}`,
    `*Grant*\n\`${mrkdwn(grantID)}\``,
  ];
}

function actionsOf(view: GrantView, context: MessageContext): Block {
  const { grantID, digest, state } = view;
  const canDecide = state === "PendingApproval" && digest !== undefined;
  const isLink = canDecide && context.approveInConsole;
  const decide =
    canDecide && !context.approveInConsole
      ? [
          button("Approve", actionIDs.approve, { kind: "approve", grantID, digest }, context, "primary"),
          button("Deny…", actionIDs.deny, { kind: "deny", grantID, digest }, context, "danger"),
        ]
      : [];
  return {
    type: "actions",
    elements: [...decide, linkButton(isLink ? "Review in the console" : "Open in the console", grantID, context)],
  };
}

/** The button that extends a live grant, or leads to where that is done. Pure. */
export function extendButtons(view: GrantView, context: MessageContext): readonly Button[] {
  const { extension, grantID, state } = view;
  if (state !== "Active" || extension === undefined || extension.count >= extension.maxCount) {
    return [];
  }
  const { count, durationSeconds } = extension;
  return context.approveInConsole
    ? [linkButton("Extend in the console", grantID, context)]
    : [
        button(
          `Extend by ${durationText(durationSeconds)}`,
          actionIDs.extend,
          { kind: "extend", grantID, count },
          context,
          "primary",
        ),
      ];
}

function button(
  text: string,
  actionID: string,
  intent: ButtonIntent,
  { installation, secret }: MessageContext,
  style: "primary" | "danger",
): Button {
  return {
    type: "button",
    action_id: actionID,
    text: plain(text),
    value: buttonValue(intent, installation, secret),
    style,
  };
}

function linkButton(text: string, grantID: string, { publicURL }: MessageContext): Button {
  return {
    type: "button",
    action_id: actionIDs.open,
    text: plain(text),
    url: grantLinks(publicURL, grantID).console,
  };
}

function section(text: string): Block {
  return { type: "section", text: markdown(text) };
}

/** `verbatim`: Slack makes no links of addresses, names and channels in it by itself. */
function markdown(text: string): Mrkdwn {
  // Slack: a field has at most 2,000 characters, the text of a section 3,000.
  return { type: "mrkdwn", text: cut(text, 2_000), verbatim: true };
}

function plain(text: string): PlainText {
  return { type: "plain_text", text, emoji: false };
}
