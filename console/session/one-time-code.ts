/** The start of the fragment that carries the code of `sallyport console`. A fragment never reaches a server or its log. */
const marker = "#code=";

/** The one-time code in an address, if it has one. */
export function codeOf(hash: string): string | undefined {
  if (!hash.startsWith(marker)) {
    return undefined;
  }
  const code = decodeURIComponent(hash.slice(marker.length));
  return code === "" ? undefined : code;
}

/** Takes the code out of the address bar and of the history, so that neither a look over the shoulder nor "back" finds it. */
export function takeCode(): string | undefined {
  const code = codeOf(location.hash);
  if (code !== undefined) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return code;
}
