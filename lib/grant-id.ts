/**
 * Identifier of a Grant everywhere outside its own object: permission set, audit, proxy, command line.
 * `g` and the 26-character lower-case base32 (RFC 4648, no padding) of the object's 128-bit uid: 27 characters, legal as
 * a permission-set name (at most 32 of `[\w+=,.@-]`) and the same after any restart.
 */
export type GrantID = string & { readonly brand: "GrantID" };

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const grantIDPattern = /^g[a-z2-7]{26}$/;

/** Derives the grant ID from a uid in the usual dashed form. Throws where `uid` is not a UUID. */
export function grantIDOf(uid: string): GrantID {
  const hex = uid.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) {
    throw new Error("a uid must be a UUID");
  }
  // 26 characters hold 130 bits: the uid's 128 and two zero bits at the end.
  let bits = BigInt(`0x${hex}`) << 2n;
  let text = "";
  for (let index = 0; index < 26; index += 1) {
    text = alphabet[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `g${text}` as GrantID;
}

/** Whether `text` has the form of a grant ID. */
export function isGrantID(text: string): text is GrantID {
  return grantIDPattern.test(text);
}
