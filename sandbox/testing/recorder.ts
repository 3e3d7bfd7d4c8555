/** One answer of the sandbox as it went over the wire. */
export interface RecordedAnswer {
  /** botocore's name of the service, such as `sso-admin`. */
  readonly service: string;
  readonly operation: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Of an error. */
  readonly errorType: string;
}

/** The part of an SDK client's middleware stack that recording needs. */
interface Recordable {
  readonly middlewareStack: {
    add(middleware: unknown, options: { step: "deserialize"; name: string; priority: "low" }): void;
  };
}

interface WireResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body: AsyncIterable<Buffer> | Buffer;
}

/** Records each answer that a client gets, before the SDK reads it. */
export function record(service: string, client: object, answers: RecordedAnswer[]): void {
  const middleware =
    (next: (request: unknown) => Promise<{ response: WireResponse }>, context: { commandName?: string }) =>
    async (request: unknown): Promise<{ response: WireResponse }> => {
      const result = await next(request);
      const { response } = result;
      const chunks: Buffer[] = [];
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        chunks.push(chunk);
      }
      const body = Buffer.concat(chunks);
      response.body = body;
      const text = body.toString("utf8");
      answers.push({
        service,
        operation: (context.commandName ?? "").replace(/Command$/, ""),
        status: response.statusCode,
        contentType: response.headers["content-type"] ?? "",
        body: text,
        errorType: response.headers["x-amzn-errortype"] ?? /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "",
      });
      return result;
    };
  // Innermost: what comes straight from the wire.
  (client as Recordable).middlewareStack.add(middleware, { step: "deserialize", name: "record", priority: "low" });
}
