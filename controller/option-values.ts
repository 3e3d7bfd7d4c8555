import { UserError } from "#lib/errors.ts";

/** A TCP address. IPv6 without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `HOST:PORT` or `[IPV6]:PORT`; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-f:]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? "", port };
}

/** The text that `parseAddress` reads. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The address that was typed for `flag`. Throws a `UserError` for anything else. */
export function readAddress(flag: string, text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw wrongOption(flag, text, "HOST:PORT, such as 0.0.0.0:8443");
  }
  return address;
}

/** What was typed for `flag` is not what is expected. */
export function wrongOption(flag: string, found: string, expected: string): UserError {
  return new UserError("InvalidOption", `--${flag} must be ${expected}, found "${found}"`);
}
