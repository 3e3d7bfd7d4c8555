import { retryAfterMs, SinkFailure } from "#audit/sinks/failure.ts";
import { post } from "#audit/sinks/http.ts";
import type { Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { secretLines } from "../secret-lines.ts";

/** Slack's Web API refused a call. `code` is its `error`. */
export class SlackRefusal extends SinkFailure {
  readonly code: string;

  constructor(code: string, message: string) {
    super("refused", message);
    this.code = code;
  }
}

/** Refusals that are about the app as a whole, not about one channel or one person. */
export const appCodes: ReadonlySet<string> = new Set([
  "invalid_auth",
  "not_authed",
  "token_revoked",
  "token_expired",
  "account_inactive",
  "missing_scope",
]);

/** An answer of the Web API. */
export type SlackAnswer = Readonly<Record<string, unknown>>;

/** The Web API, as far as it is needed. */
export interface SlackAPI {
  /** Calls a method. Rejects with `SlackRefusal` where Slack says no, with another `SinkFailure` for what passes. */
  call(method: string, body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<SlackAnswer>;
}

export interface SlackClientOptions {
  /** Without a slash at its end: `https://slack.com/api`. */
  readonly apiURL: string;
  readonly tokenFile: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

/** Methods that read take forms only (Slack: "Using the Slack Web API", POST bodies). */
const formMethods: ReadonlySet<string> = new Set(["conversations.history", "conversations.replies"]);

/** A post to a channel takes a fraction of a second; what takes longer has not arrived or will be sent twice. */
const timeoutDefaultMs = 10_000;

/** Errors that pass by themselves (Slack: "Errors" of chat.postMessage, and those that every method may return). */
const passing: ReadonlySet<string> = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
]);

/** What a person must do about an error. */
const advice: Readonly<Record<string, string>> = {
  invalid_auth: "the bot token is not valid; put the app's current one into --slack-token-file",
  not_authed: "the bot token is not valid; put the app's current one into --slack-token-file",
  token_revoked: "the bot token was revoked; install the app again and put its token into --slack-token-file",
  token_expired: "the bot token has expired; put the app's current one into --slack-token-file",
  account_inactive: "the app was removed from the workspace; install it again",
  missing_scope: "the app lacks a scope; docs/notifications.md has the manifest",
  channel_not_found: "there is no such channel, or the app is not in it; check --slack-channel and invite the app",
  not_in_channel: "the app is not in the channel; invite it",
  is_archived: "the channel is archived; name another one with --slack-channel",
};

/** Calls Slack's Web API with the bot token, which is read anew for each call: it may be rotated without a restart. */
export function slackClient({ apiURL, tokenFile, clock, timeoutMs = timeoutDefaultMs }: SlackClientOptions): SlackAPI {
  return {
    async call(method, body, signal) {
      const [token] = await secretLines(tokenFile, botToken);
      const isForm = formMethods.has(method);
      const answer = await post({
        url: new URL(`${apiURL}/${method}`),
        headers: {
          authorization: `Bearer ${token?.reveal()}`,
          // Slack warns of a missing charset.
          "content-type": `${isForm ? "application/x-www-form-urlencoded" : "application/json"}; charset=utf-8`,
          "user-agent": "sallyport",
        },
        body: Buffer.from(isForm ? formOf(body) : JSON.stringify(body)),
        tls: {},
        timeoutMs,
        signal,
      });
      if (answer.status === 429) {
        throw new SinkFailure("throttled", "Slack asks for patience", {
          retryAfterMs: retryAfterMs(String(answer.headers["retry-after"] ?? ""), clock.now()),
        });
      }
      const said = readAnswer(answer.body);
      if (answer.status !== 200 || said === undefined) {
        throw new SinkFailure("unreachable", `Slack answered ${answer.status} to ${method}`);
      }
      if (said["ok"] === true) {
        return said;
      }
      throw failureOf(method, String(said["error"] ?? "unknown"));
    },
  };
}

function formOf(body: Readonly<Record<string, unknown>>): string {
  return new URLSearchParams(
    Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
}

/** A bot token; Slack gives no promise of its length. */
function botToken(line: string): Secret | undefined {
  return /^xox[a-z.-]*-[\w-]{6,500}$/.test(line) ? new Secret(line) : undefined;
}

function failureOf(method: string, said: string): SinkFailure {
  const code = said.replaceAll(/[^\w.-]/g, "").slice(0, 80);
  if (code === "ratelimited" || code === "rate_limited") {
    return new SinkFailure("throttled", "Slack asks for patience");
  }
  if (passing.has(code)) {
    return new SinkFailure("unreachable", `Slack answered ${code} to ${method}`);
  }
  const why = advice[code];
  return new SlackRefusal(code, `Slack refused ${method} with ${code}${why === undefined ? "" : `: ${why}`}`);
}

function readAnswer(text: string): SlackAnswer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "ok" in value ? (value as SlackAnswer) : undefined;
  } catch {
    return undefined;
  }
}
