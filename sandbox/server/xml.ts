/** Writes `name` with `value` inside. Lists have their items named by `itemName(listName)`; undefined members are left out. */
export function element(name: string, value: unknown, itemName: (listName: string) => string): string {
  return `<${name}>${content(name, value, itemName)}</${name}>`;
}

/** Text with the five characters that XML reserves escaped, and what XML 1.0 cannot hold replaced. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&apos;")
    .replaceAll("\r", "&#xD;")
    .replaceAll(unprintable, "\u{FFFD}");
}

// XML 1.0 section 2.2 allows only tab, line feed and carriage return below a space.
const unprintable = /(?![\t\n\r\u007F-\u009F])\p{Cc}|[\uFFFE\uFFFF]/gu;

function content(name: string, value: unknown, itemName: (listName: string) => string): string {
  if (Array.isArray(value)) {
    return value.map((item) => element(itemName(name), item, itemName)).join("");
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([member, inner]) => element(member, inner, itemName))
      .join("");
  }
  return escapeText(String(value));
}
