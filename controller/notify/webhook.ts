import { kindOfStatus, retryAfterMs, SinkFailure } from "#audit/sinks/failure.ts";
import { post } from "#audit/sinks/http.ts";
import type { DeliveryContext, Sink, SinkItem } from "#audit/sinks/sink.ts";
import type { Clock } from "#lib/clock.ts";
import type { TrailEventView } from "#wire/trail-event.ts";
import { grantLinks } from "./links.ts";
import { secretLines } from "./secret-lines.ts";
import type { WebhookOptions } from "./webhook-options.ts";
import { webhookHeaders, webhookKey } from "./webhook-signature.ts";

export interface WebhookSinkOptions extends Pick<WebhookOptions, "url" | "secretFile"> {
  readonly installation: string;
  readonly publicURL: string;
  readonly clock: Clock;
  /** Longest wait for an answer, in milliseconds. Absent: 15 seconds. */
  readonly timeoutMs?: number;
}

/** Standard Webhooks 1.0, "Operational considerations", asks for 15 to 30 seconds. */
const timeoutDefaultMs = 15_000;

/**
 * Posts events one after the other, as Standard Webhooks 1.0 writes them. What a receiver has answered with 2xx is confirmed, so that a
 * batch which fails half-way repeats the rest only. A redirect is a refusal: the operator named an address, and no answer names another.
 */
export class WebhookSink implements Sink<TrailEventView> {
  readonly #options: WebhookSinkOptions;

  constructor(options: WebhookSinkOptions) {
    this.#options = options;
  }

  async deliver(items: readonly SinkItem<TrailEventView>[], context: DeliveryContext): Promise<void> {
    const keys = await secretLines(this.#options.secretFile, webhookKey);
    for (const { id, value, position } of items) {
      const { url, clock, timeoutMs = timeoutDefaultMs } = this.#options;
      const body = webhookBody(value, this.#options);
      const answer = await post({
        url,
        headers: {
          ...webhookHeaders({ id, timestamp: Math.floor(clock.now() / 1_000), body }, keys),
          "content-type": "application/json",
          "user-agent": "sallyport",
        },
        body: Buffer.from(body),
        tls: {},
        timeoutMs,
        signal: context.signal,
      });
      if (answer.status < 200 || answer.status > 299) {
        throw new SinkFailure(kindOfStatus(answer.status), `${url.host} answered ${answer.status} to a webhook`, {
          retryAfterMs: retryAfterMs(String(answer.headers["retry-after"] ?? ""), clock.now()),
        });
      }
      context.confirmed(position);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The body of a message: `type`, `timestamp` and `data` (Standard Webhooks 1.0, "Payload structure"). Pure. */
export function webhookBody(
  { event, time, ...rest }: TrailEventView,
  { installation, publicURL }: Pick<WebhookSinkOptions, "installation" | "publicURL">,
): string {
  const links = rest.grantID === undefined ? {} : { links: grantLinks(publicURL, rest.grantID) };
  return JSON.stringify({ type: event, timestamp: time, data: { installation, ...rest, ...links } });
}
