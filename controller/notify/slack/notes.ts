import type { GrantView } from "#wire/control-api.ts";
import type { TrailEventView } from "#wire/trail-event.ts";
import { extendButtons, type Message, type MessageContext, noteMessage, what } from "./message.ts";
import { bold, dateText, mrkdwn } from "./text.ts";

/** One message that an event makes besides the grant's own: below that, or to the grant's person alone. */
export type Note =
  | { readonly to: "thread"; readonly message: Message; readonly isAlert: boolean }
  | { readonly to: "person"; readonly message: Message };

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
      return [thread("Approved."), person(`You may have ${what(view)}: your request was approved.`)];
    case "grant.denied":
      return [
        thread(`Denied by ${actor}${said}`),
        person(`Your request for ${what(view)} was denied by ${actor}${said}`),
      ];
    case "grant.breakGlass":
      return [thread(alertText(view), true)];
    case "grant.activated":
      return [
        thread(`Live${untilText(view)}.`),
        person(`Your access to ${what(view)} is live${untilText(view)}. Connect with \`sallyport rds proxy\`.`),
      ];
    case "grant.extended":
      return [thread(`Extended${event.actor.kind === "User" ? ` by ${actor}` : ""}${untilText(view)}.`)];
    case "grant.expiring":
      return isLinked
        ? [person(`Your access to ${what(view)} ends ${endText(view)}.`, extendButtons(view, context))]
        : [thread(`The access of ${bold(view.userName)} ends ${endText(view)}.`)];
    case "grant.ended": {
      const reason = mrkdwn(detail["message"] ?? detail["reason"] ?? "", 300);
      const by = event.actor.kind === "User" ? ` by ${actor}` : "";
      const ended = `over${by}${reason === "" ? "" : `: ${reason}`}`;
      return [thread(`The access is ${ended}`), person(`Your access to ${what(view)} is ${ended}`)];
    }
    default:
      return [];
  }
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

function thread(text: string, isAlert = false): Note {
  return { to: "thread", message: noteMessage(text), isAlert };
}

function person(text: string, buttons: Parameters<typeof noteMessage>[1] = []): Note {
  return { to: "person", message: noteMessage(text, buttons) };
}
