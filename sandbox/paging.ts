import { AwsError } from "./service.ts";
import { type Input, optionalInteger, optionalText } from "./input.ts";

/** One page and the token of the next. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** Names that a service gives its paging members. */
export interface PagingNames {
  readonly size: string;
  readonly token: string;
}

/** Identity Center, identity store, Secrets Manager. */
const maxResultsPaging: PagingNames = { size: "MaxResults", token: "NextToken" };

/** IAM and RDS count differently and speak of markers. */
export const markerPaging: PagingNames = { size: "MaxItems", token: "Marker" };

/**
 * The page of `items` that the input asks for. A token is a position in the list, opaque to callers; one that we did not
 * make is a `ValidationException`.
 */
export function page<T>(
  items: readonly T[],
  input: Input,
  names: PagingNames = maxResultsPaging,
  sizeMax = 100,
  sizeMin = 1,
): Page<T> {
  const size = optionalInteger(input, names.size, sizeMin, sizeMax) ?? sizeMax;
  const token = optionalText(input, names.token);
  const start = token === undefined ? 0 : decodeToken(token);
  const end = start + size;
  return { items: items.slice(start, end), next: end < items.length ? encodeToken(end) : undefined };
}

function encodeToken(position: number): string {
  return Buffer.from(`position:${position}`).toString("base64");
}

function decodeToken(token: string): number {
  const match = /^position:(\d+)$/.exec(Buffer.from(token, "base64").toString("utf8"));
  if (match === null) {
    throw new AwsError("ValidationException", "The pagination token is not valid.");
  }
  return Number(match[1]);
}
