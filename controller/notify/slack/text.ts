/** Longest text of a person's in a message, in characters: a reason may be 2,048, and a channel is no place to read all of it. */
export const quotedMax = 600;
/** Longest name in a message. The Identity Store's have 128 at most. */
const nameMax = 128;

// oxlint-disable-next-line no-control-regex -- control characters are what this takes out
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g;
/** Marks that change the direction of what follows, so that a text reads as something else. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** What somebody wrote, on as many lines as they did, for a `plain_text` object: Slack reads nothing into it. Pure. */
export function plainText(text: string, max = quotedMax): string {
  // Half a character is no JSON that Slack takes.
  const clean = text.toWellFormed().replaceAll(controls, " ").replaceAll(directions, "").trim();
  const whole = [...clean];
  return whole.length <= max ? clean : `${whole.slice(0, max - 1).join("")}…`;
}

/**
 * What somebody wrote, on one line, for mrkdwn: Slack takes nothing in it for a link, a mention or a ping (its documentation, "Formatting
 * text for app surfaces": `&`, `<` and `>` are the control characters). Pure.
 */
export function mrkdwn(text: string, max = nameMax): string {
  return plainText(text.replaceAll("\n", " "), max)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** The beginning of mrkdwn, cut neither through a character nor through what Slack reads as one thing. Pure. */
export function cut(marked: string, max: number): string {
  return marked.length <= max ? marked : `${marked.slice(0, max - 1).replace(/(?:&\w*|<[^>]*|[\ud800-\udbff])$/, "")}…`;
}

/** The same in bold. What would end it is taken out. Pure. */
export function bold(text: string): string {
  return `*${mrkdwn(text.replaceAll("*", ""))}*`;
}

/** An instant in the reader's own time zone; RFC 3339 where a client cannot. Pure. */
export function dateText(instant: string): string {
  const seconds = Math.floor(Date.parse(instant) / 1_000);
  return Number.isNaN(seconds) ? mrkdwn(instant) : `<!date^${seconds}^{date_short_pretty} {time}|${mrkdwn(instant)}>`;
}

/** A duration as people say it: `1 h 30 min`. Pure. */
export function durationText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const parts = [
    [Math.floor(minutes / 1_440), "d"],
    [Math.floor((minutes % 1_440) / 60), "h"],
    [minutes % 60, "min"],
  ] as const;
  const said = parts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : []));
  return said.length === 0 ? `${seconds} s` : said.join(" ");
}
