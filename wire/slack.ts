/** Linking a Slack account to the person who is signed in. */

/** `POST /v1/slack/link`. Without `confirm` nothing changes, and the answer says whose code it is. */
export interface SlackLinkRequest {
  /** Shown to the Slack account, once. */
  readonly code: string;
  readonly confirm?: boolean;
}

/** A Slack account that acts, or would act, for the caller. */
export interface SlackAccountView {
  /** ID of the account's workspace. */
  readonly teamID: string;
  readonly slackUserID: string;
  /** As Slack says; people choose it themselves. */
  readonly slackName: string;
  readonly linked: boolean;
}

/** `GET /v1/slack/link` and `POST /v1/slack/unlink`: what is linked now. */
export interface SlackLinkList {
  readonly items: readonly SlackAccountView[];
}
