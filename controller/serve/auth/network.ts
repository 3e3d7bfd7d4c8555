import { isIPv6 } from "node:net";
import type { Context } from "hono";

/**
 * What counts as one caller: an IPv4 address, or the /64 of an IPv6 one, which whoever has one of its addresses usually has all of (RFC 6177).
 * Pure.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) {
    return mapped ?? address;
  }
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end stands for two groups (RFC 4291 2.2).
  const lastCount = last.length + (tail?.includes(".") === true ? 1 : 0);
  const missing = tail === undefined ? 0 : 8 - groups.length - lastCount;
  const whole = [...groups, ...Array<string>(missing).fill("0"), ...last];
  return `${whole
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}

/**
 * The address that a request's connection comes from; undefined where there is no connection, as in tests. What a header says of it
 * (`X-Forwarded-For`) is not believed: anybody can say anything there, and no proxy before this server is known to it.
 */
export function addressOf(context: Context): string | undefined {
  const { incoming } = (context.env ?? {}) as {
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  };
  return incoming?.socket?.remoteAddress;
}
