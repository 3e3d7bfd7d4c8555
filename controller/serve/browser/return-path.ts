import { consolePath } from "#wire/sign-in.ts";

/** A page's address with its filters. */
const lengthMax = 1024;

/**
 * Where a browser goes once it is signed in: a page of the console, never another site. What is anything else becomes the first page. The
 * fragment is left out: it may hold the code of a link. Pure.
 */
export function returnPath(wanted: string | undefined, publicURL: string): string {
  const first = consolePath;
  // A backslash is a slash to browsers, and control characters are nothing to them: `/\evil.test` and `/⇥/evil.test` lead away.
  if (wanted === undefined || wanted.length > lengthMax || !/^\/[\x21-\x5b\x5d-\x7e]*$/.test(wanted)) {
    return first;
  }
  if (!URL.canParse(wanted, publicURL)) {
    return first;
  }
  const { origin, pathname, search } = new URL(wanted, publicURL);
  return origin === new URL(publicURL).origin && pathname.startsWith(consolePath) ? `${pathname}${search}` : first;
}
