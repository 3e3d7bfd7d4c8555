import { AwsError, type Service } from "../service.ts";
import { element, escapeText } from "./xml.ts";

/** An HTTP answer before it is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an answer is written for. */
export interface AnswerTo {
  /** Undefined when no service could be found for the request. */
  readonly service: Pick<Service, "protocol" | "xmlNamespace" | "listMemberNames"> | undefined;
  readonly operation: string;
  readonly requestID: string;
  /** The caller asked for JSON from a query service, which STS and IAM honour. */
  readonly wantsJSON: boolean;
}

/** Writes the output of an operation in the service's protocol. */
export function answerOutput(to: AnswerTo, output: unknown): Answer {
  if (to.service?.protocol !== "query") {
    return json(to, 200, output ?? {}, {});
  }
  const { operation, requestID } = to;
  if (to.wantsJSON) {
    const result = output === undefined ? {} : { [`${operation}Result`]: output };
    return json(to, 200, { [`${operation}Response`]: { ...result, ResponseMetadata: { RequestId: requestID } } }, {});
  }
  const itemName = (list: string): string => to.service?.listMemberNames?.[list] ?? "member";
  const result = output === undefined ? "" : element(`${operation}Result`, output, itemName);
  const metadata = element("ResponseMetadata", { RequestId: requestID }, itemName);
  const namespace = escapeText(to.service.xmlNamespace ?? "");
  return xml(to, 200, `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`);
}

/** Writes an error in the service's protocol. JSON is the default where no service was found. */
export function answerError(to: AnswerTo, error: AwsError): Answer {
  if (to.service?.protocol === "query") {
    return queryError(to, error);
  }
  const headers = { "x-amzn-errortype": error.code };
  // OAuth errors (RFC 6749 section 5.2) are the whole body; SDKs take the type from the header.
  if (to.service?.protocol === "rest-json" && "error" in error.members) {
    return json(to, error.status, error.members, headers);
  }
  const message = to.service?.protocol === "rest-json" ? { message: error.message } : { Message: error.message };
  return json(to, error.status, { __type: error.code, ...message, ...error.members }, headers);
}

/** Any thrown value as an AWS error; what is not one is a defect of the sandbox, and says so. */
export function asAwsError(thrown: unknown): AwsError {
  if (thrown instanceof AwsError) {
    return thrown;
  }
  const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new AwsError("InternalFailure", `The sandbox failed: ${what}`, 500);
}

/** The query protocol's names for the common errors, and their HTTP status. */
const queryNames: Readonly<Record<string, { code: string; status: number }>> = {
  AccessDeniedException: { code: "AccessDenied", status: 403 },
  ThrottlingException: { code: "Throttling", status: 400 },
  InternalServerException: { code: "InternalFailure", status: 500 },
  ValidationException: { code: "ValidationError", status: 400 },
};

function queryError(to: AnswerTo, error: AwsError): Answer {
  const { code, status } = queryNames[error.code] ?? error;
  const detail = { Type: status >= 500 ? "Receiver" : "Sender", Code: code, Message: error.message };
  if (to.wantsJSON) {
    return json(to, status, { Error: detail, RequestId: to.requestID }, {});
  }
  const itemName = (): string => "member";
  const inner = element("Error", { ...detail, ...error.members }, itemName);
  const requestID = element("RequestId", to.requestID, itemName);
  const namespace = escapeText(to.service?.xmlNamespace ?? "");
  return xml(to, status, `<ErrorResponse xmlns="${namespace}">${inner}${requestID}</ErrorResponse>`);
}

function json(to: AnswerTo, status: number, body: unknown, headers: Record<string, string>): Answer {
  const type = to.service?.protocol === "json" ? "application/x-amz-json-1.1" : "application/json";
  return answer(to, status, type, JSON.stringify(body), headers);
}

function xml(to: AnswerTo, status: number, body: string): Answer {
  return answer(to, status, "text/xml", `<?xml version="1.0" encoding="UTF-8"?>\n${body}`, {});
}

function answer(
  to: AnswerTo,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Answer {
  return {
    status,
    headers: { "content-type": type, "x-amzn-requestid": to.requestID, ...headers },
    body,
  };
}
