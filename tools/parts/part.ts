/** Something that set-up brings: where it is, or why this machine has none, which is the reason of the tests that skip for it. */
export type Part<T> = T | { readonly missing: string };

export function isMissing<T extends object>(part: Part<T>): part is { readonly missing: string } {
  return "missing" in part;
}

/** Begins the reason of a skip that is allowed in CI too: somebody else's archive moves, and its absence says nothing about us. */
export const archiveUnreachable = "the archive could not be reached: ";

/** Where set-up leaves, for the processes of the tests, why it could not bring a part: JSON of part → reason. */
const variable = "SALLYPORT_MISSING_PARTS";

/** Remembers why a part is missing; said again by `reasonFor` in this process and those that it starts. */
export function rememberMissing(part: string, reason: string): void {
  process.env[variable] = JSON.stringify({ ...remembered(), [part]: reason });
}

/** Remembers why a part that set-up tried to bring is missing, where it is. */
export function remember(part: string, brought: Part<object>): void {
  if (isMissing(brought)) {
    rememberMissing(part, brought.missing);
  }
}

/** Why a part is missing: what set-up said, else that set-up was not asked. */
export function reasonFor(part: string): string {
  return remembered()[part] ?? `${part} is not here; "npm test" brings it where it can`;
}

function remembered(): Record<string, string> {
  return JSON.parse(process.env[variable] ?? "{}") as Record<string, string>;
}
