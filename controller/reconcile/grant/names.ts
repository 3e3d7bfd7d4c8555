/** Whether two names of the identity store are the same: it compares them without case, and so must whoever compares people. */
export function isNamedAs(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * Whether two names may well be those of one person: written with other code points (Unicode NFKC, UAX 15), or in another case by rules of
 * another language. For refusing what one person must not do twice, or for themselves; it proves nobody's identity.
 */
export function mayBeNamedAs(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

/** Through upper case: `ſ` and `s`, `ς` and `σ`, `ß` and `ss` are one there. */
function folded(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
