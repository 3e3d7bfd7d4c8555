import { UserError } from "#lib/errors.ts";
import { wrongOption } from "../../option-values.ts";
import { isChannelID } from "./channel.ts";

/** Slack as it was asked for. */
export interface SlackOptions {
  /** Holds the bot token. */
  readonly tokenFile: string;
  /** Holds the signing secret of the app; while it is rotated, the one before it on a second line. */
  readonly signingSecretFile: string;
  /** ID of the channel in which requests are shown. */
  readonly channel: string;
  /** Nobody decides in Slack itself: buttons lead to the console, where people sign in. */
  readonly approveInConsole: boolean;
  /** Without a slash at its end. */
  readonly apiURL: string;
}

const required = ["slack-token-file", "slack-signing-secret-file", "slack-channel"] as const;
const apiDefault = "https://slack.com/api";

/** The options of Slack, checked; undefined where there are none. Throws a `UserError` that names the flag. */
export function readSlack(given: Readonly<Record<string, string>>): SlackOptions | undefined {
  const named = [...required, "slack-approve-in-console", "slack-api-url"].filter((flag) => given[flag] !== undefined);
  if (named.length === 0) {
    return undefined;
  }
  const missing = required.find((flag) => given[flag] === undefined);
  if (missing !== undefined) {
    throw new UserError("InvalidOption", `--${named[0]} needs --${missing} as well`, {
      next: "docs/notifications.md says how to set up the Slack app.",
    });
  }
  const channel = given["slack-channel"] ?? "";
  if (!isChannelID(channel)) {
    throw wrongOption("slack-channel", channel, "the ID of a channel, such as C024BE91L (in the channel's details)");
  }
  const apiURL = given["slack-api-url"] ?? apiDefault;
  if (!isAPI(apiURL)) {
    throw wrongOption("slack-api-url", apiURL, `an https address such as ${apiDefault}`);
  }
  return {
    tokenFile: given["slack-token-file"] ?? "",
    signingSecretFile: given["slack-signing-secret-file"] ?? "",
    channel,
    approveInConsole: given["slack-approve-in-console"] !== undefined,
    apiURL: apiURL.replace(/\/+$/, ""),
  };
}

function isAPI(text: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const { protocol, hostname, search, hash, username } = new URL(text);
  const isHere = ["127.0.0.1", "localhost"].includes(hostname);
  return (protocol === "https:" || (protocol === "http:" && isHere)) && `${search}${hash}${username}` === "";
}
