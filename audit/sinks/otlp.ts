import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock } from "#lib/clock.ts";
import type { Secret } from "#lib/secret.ts";
import { kindOfStatus, retryAfterMs, SinkFailure } from "./failure.ts";
import { type HTTPAnswer, post } from "./http.ts";
import { exportLogsRequest } from "./otlp-encode.ts";
import type { RecordLine } from "./record-line.ts";
import type { DeliveryContext, Sink, SinkItem } from "./sink.ts";
import type { TlsFiles } from "./tls.ts";

const compress = promisify(gzip);

export interface OtlpOptions {
  /** Of the logs, such as `https://collector/v1/logs`. */
  readonly url: URL;
  /** Read before every request: a token may be renewed. Rejects with a `SinkFailure`. */
  readonly headers: () => Promise<Readonly<Record<string, Secret>>>;
  readonly tls: TlsFiles;
  readonly installation: string;
  readonly clock: Clock;
}

/** Default of the OTLP exporter (OpenTelemetry specification, `OTEL_EXPORTER_OTLP_TIMEOUT`). */
const requestTimeoutMs = 10_000;

/**
 * OTLP over HTTP, JSON encoded and gzipped. A receiver that takes only a part of a request does not say which: the request is halved until
 * every part of it was taken whole, or one record alone is refused, which holds the sink and is said. OTLP would have the exporter give such
 * records up; an audit trail does not, and the readers drop what they have twice by its id.
 */
export class OtlpSink implements Sink<RecordLine> {
  readonly #options: OtlpOptions;

  constructor(options: OtlpOptions) {
    this.#options = options;
  }

  async deliver(items: readonly SinkItem<RecordLine>[], context: DeliveryContext): Promise<void> {
    const refusal = await this.#send(items, context.signal);
    if (refusal === undefined) {
      context.confirmed(items.at(-1)?.position ?? 0);
      return;
    }
    if (items.length <= 1) {
      throw refusal;
    }
    const half = Math.ceil(items.length / 2);
    await this.deliver(items.slice(0, half), context);
    await this.deliver(items.slice(half), context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Why the request was not taken as a whole, where a smaller one may be; undefined where it was. Rejects with every other failure. */
  async #send(items: readonly SinkItem<RecordLine>[], signal: AbortSignal): Promise<SinkFailure | undefined> {
    const { url, headers, tls, installation, clock } = this.#options;
    const secrets = Object.entries(await headers()).map(([name, value]) => [name, value.reveal()]);
    const answer = await post({
      url,
      tls,
      signal,
      timeoutMs: requestTimeoutMs,
      headers: {
        ...Object.fromEntries(secrets),
        "content-type": "application/json",
        "content-encoding": "gzip",
      },
      body: await compress(exportLogsRequest(items, installation)),
    });
    const { status } = answer;
    if (status >= 200 && status < 300) {
      return refusedPart(answer, url);
    }
    const failure = new SinkFailure(kindOfStatus(status), `${url.host}: ${status}${quoted(answer.body)}`, {
      retryAfterMs: retryAfterMs(String(answer.headers["retry-after"] ?? ""), clock.now()),
    });
    // 413: too large; 400: one record may be what it does not like.
    if (status === 413 || status === 400) {
      return failure;
    }
    throw failure;
  }
}

/** An ExportLogsServiceResponse that says how many records were rejected (OTLP specification, "Partial Success"). */
function refusedPart({ body }: HTTPAnswer, url: URL): SinkFailure | undefined {
  if (body.trim() === "") {
    return undefined;
  }
  const answer = readAnswer(body);
  if (answer === undefined) {
    throw new SinkFailure("refused", `${url.host} answers with something else than OTLP in JSON`);
  }
  const { rejectedLogRecords = 0, errorMessage = "" } = answer.partialSuccess ?? {};
  return Number(rejectedLogRecords) === 0
    ? undefined
    : new SinkFailure("refused", `${url.host}: ${rejectedLogRecords} records were rejected${quoted(errorMessage)}`);
}

interface ExportLogsAnswer {
  readonly partialSuccess?: { readonly rejectedLogRecords?: string | number; readonly errorMessage?: string } | null;
}

function readAnswer(body: string): ExportLogsAnswer | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a server said, cut short and without control characters. */
function quoted(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this takes out
  const plain = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return plain === "" ? "" : `: ${plain.slice(0, 200)}`;
}
