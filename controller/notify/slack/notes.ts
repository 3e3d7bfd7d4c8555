import type { GrantView } from "#wire/control-api.ts";
import type { TrailEventView } from "#wire/trail-event.ts";
import { extendButtons, type Message, type MessageContext, noteMessage, what } from "./message.ts";
import { bold, dateText, mrkdwn } from "./text.ts";

/** Who reads a note: whoever reads the grant's message, below which it stands; the grant's person; who asked for it in their stead. */
export type NoteReader = "thread" | "principal" | "requester";

/** One message that an event makes besides the grant's own. An event makes one for each reader at most. */
export interface Note {
  readonly to: NoteReader;
  readonly message: Message;
  /** The whole channel is to see it. */
  readonly isAlert?: boolean;
}

/** What is said of an event, in the order in which it is sent. `isLinked`: whether the grant's person can be written to. Pure. */
export function notesOf(
  event: TrailEventView,
  view: GrantView,
  { isLinked, context }: { readonly isLinked: boolean; readonly context: MessageContext },
): readonly Note[] {
  const { detail = {} } = event;
  const actor = bold(event.actor.name);
  const said = detail["comment"] === undefined ? "" : `: ${mrkdwn(detail["comment"], 300)}`;
  switch (event.event) {
    case "review.counted":
      // A denial is told as the end that it is.
      return detail["decision"] === "Deny" ? [] : [thread(`${actor} approved ${bold(detail["step"] ?? "")}${said}`)];
    case "grant.approved":
      return [
        thread("Approved."),
        principal(`You may have ${what(view)}: your request was approved.`),
        requester(`The access of ${whose(view)} was approved, as you asked.`),
      ];
    case "grant.denied":
      return [
        thread(`Denied by ${actor}${said}`),
        principal(`Your request for ${what(view)} was denied by ${actor}${said}`),
        requester(`What you asked for, the access of ${whose(view)}, was denied by ${actor}${said}`),
      ];
    case "grant.breakGlass":
      return [{ ...thread(alertText(view)), isAlert: true }];
    case "grant.activated":
      return [
        thread(`Live${untilText(view)}.`),
        principal(`Your access to ${what(view)} is live${untilText(view)}. Connect with \`sallyport rds proxy\`.`),
      ];
    case "grant.extended":
      return [thread(`Extended${event.actor.kind === "User" ? ` by ${actor}` : ""}${untilText(view)}.`)];
    case "grant.expiring": {
      const buttons = extendButtons(view, context);
      return [
        isLinked
          ? principal(`Your access to ${what(view)} ends ${endText(view)}.`, buttons)
          : thread(`The access of ${bold(view.userName)} ends ${endText(view)}.`),
        requester(`The access of ${whose(view)}, for which you asked, ends ${endText(view)}.`, buttons),
      ];
    }
    case "grant.ended":
      return endNotes(event, view);
    default:
      return [];
  }
}

function endNotes({ actor, detail = {} }: TrailEventView, view: GrantView): readonly Note[] {
  const reason = mrkdwn(detail["message"] ?? detail["reason"] ?? "", 300);
  const by = actor.kind === "User" ? ` by ${bold(actor.name)}` : "";
  const ended = `over${by}${reason === "" ? "" : `: ${reason}`}`;
  const noun = view.activationTime === undefined ? "request" : "access";
  return [
    thread(`The ${noun} is ${ended}`),
    principal(`Your ${noun === "access" ? "access to" : "request for"} ${what(view)} is ${ended}`),
    requester(
      noun === "access"
        ? `The access of ${whose(view)}, for which you asked, is ${ended}`
        : `What you asked for, the access of ${whose(view)}, is ${ended}`,
    ),
  ];
}

function whose(view: GrantView): string {
  return `${bold(view.userName)} to ${what(view)}`;
}

function alertText(view: GrantView): string {
  const reason = mrkdwn(view.reason, 300);
  return `:rotating_light: ${bold(view.userName)} broke the glass for ${what(view)}: nobody approved it. Reason: ${reason}`;
}

function untilText({ expiryTime }: GrantView): string {
  return expiryTime === undefined ? "" : ` until ${dateText(expiryTime)}`;
}

function endText({ expiryTime }: GrantView): string {
  return expiryTime === undefined ? "soon" : dateText(expiryTime);
}

function thread(text: string): Note {
  return { to: "thread", message: noteMessage(text) };
}

function principal(text: string, buttons: Parameters<typeof noteMessage>[1] = []): Note {
  return { to: "principal", message: noteMessage(text, buttons) };
}

function requester(text: string, buttons: Parameters<typeof noteMessage>[1] = []): Note {
  return { to: "requester", message: noteMessage(text, buttons) };
}
