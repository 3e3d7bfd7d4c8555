import type { Secret } from "#lib/secret.ts";
import { contentSecrets } from "./content.ts";
import { redactionMark, cutSpans, mergeSpans } from "./spans.ts";

/** Secrets shorter than this are looked for as whole words only: a one-letter password is in every message. */
const freeLengthMin = 4;
/** Postgres: `… at or near "'text"`, MySQL: `… near ''text…'`: the server quotes a piece of the statement. */
const quotedPiece = /\bnear (?:"[^]*"|'[^]*')/g;

/**
 * A server's error text as it may be recorded and logged. Servers echo pieces of the statement, so `removed`, what was
 * taken out of that statement, is taken out here too; a quoted piece that starts like a literal, or any at all when the
 * statement held a secret, goes whole.
 */
export function redactMessage(message: string, removed: readonly Secret[] = []): string {
  let text = message.replace(quotedPiece, (piece) =>
    removed.length > 0 || /^near ["']['"$]/.test(piece) ? `near "${redactionMark}"` : piece,
  );
  for (const secret of removed.map((entry) => entry.reveal())) {
    for (const form of new Set([secret, secret.replaceAll("''", "'"), secret.replaceAll(/\\(.)/gs, "$1")])) {
      text = form.length >= freeLengthMin ? text.replaceAll(form, redactionMark) : replaceWord(text, form);
    }
  }
  return cutSpans(text, mergeSpans(contentSecrets(text).spans));
}

function replaceWord(text: string, word: string): string {
  if (word === "") {
    return text;
  }
  const escaped = word.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
  return text.replaceAll(new RegExp(String.raw`(?<![\w])${escaped}(?![\w])`, "g"), () => redactionMark);
}
