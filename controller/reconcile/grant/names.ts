/** Whether two names of the identity store are the same: it compares them without case, and so must whoever compares people. */
export function isNamedAs(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
