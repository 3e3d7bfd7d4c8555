/** Where the console is served. */
export const base = "/console";

/** Values of a path's `:name` parts. */
export type PathParts = Readonly<Record<string, string>>;

/** Matches a path below the base against a pattern such as `/grants/:grantID`. Undefined: no match. Parts are decoded. */
export function matchPath(pattern: string, path: string): PathParts | undefined {
  const wanted = segmentsOf(pattern);
  const given = segmentsOf(path);
  if (wanted.length !== given.length) {
    return undefined;
  }
  const parts: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? "";
    if (segment.startsWith(":")) {
      const decoded = decode(value);
      if (decoded === undefined) {
        return undefined;
      }
      parts[segment.slice(1)] = decoded;
    } else if (segment !== value) {
      return undefined;
    }
  }
  return parts;
}

/** The path below the base of a URL's path; undefined: not the console's. */
export function belowBase(pathname: string): string | undefined {
  if (pathname === base) {
    return "/";
  }
  return pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : undefined;
}

/** Address of a place in the console: `path` is below the base and already encoded. */
export function hrefOf(path: string): string {
  return `${base}${path}`;
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
