import { modal } from "./payload.ts";

/** Asks why (Slack: "Modals"). It carries the button's value, which says what is denied. Pure. */
export function denyModal(value: string): Readonly<Record<string, unknown>> {
  const text = (said: string) => ({ type: "plain_text", text: said, emoji: false });
  return {
    type: "modal",
    callback_id: modal.callbackID,
    private_metadata: value,
    title: text("Deny access"),
    submit: text("Deny"),
    close: text("Cancel"),
    blocks: [
      {
        type: "input",
        block_id: modal.block,
        label: text("Why"),
        hint: text("Whoever asked will read it. A denial is final."),
        element: {
          type: "plain_text_input",
          action_id: modal.input,
          multiline: true,
          min_length: 1,
          max_length: 2_048,
        },
      },
    ],
  };
}
