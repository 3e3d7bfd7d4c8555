/** Identity Store user names are compared without case, as the store itself does. */
export function isSamePerson(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
