/** The cookie of a signed-in browser. The prefix makes browsers insist on Secure, on no Domain and on the path `/` (RFC 6265bis 4.1.3.2). */
export const sessionCookie = "__Host-sallyport";

/** A cookie that no script reads and that never leaves with a plain request. `SameSite=Strict`: not with what other sites start either. */
export function sessionCookieOf(token: string): string {
  return `${sessionCookie}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`;
}

/** Makes the browser forget the cookie. */
export const endedSessionCookie = `${sessionCookie}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`;

/** The value of a cookie; undefined when it is absent, empty, or there twice: then somebody else may have set one of them. */
export function cookieOf(header: string | null | undefined, name: string): string | undefined {
  const values = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] || undefined : undefined;
}
