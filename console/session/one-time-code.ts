/** The start of the fragment that carries the code of `sallyport console`. A fragment never reaches a server or its log. */
const marker = "#code=";

/** The one-time code in an address's fragment, if it has one. */
export function codeOf(hash: string): string | undefined {
  const code = hash.startsWith(marker) ? decoded(hash.slice(marker.length)) : "";
  return code === "" ? undefined : code;
}

/** Takes the code out of the address bar and of the history, so that neither a look over the shoulder nor "back" finds it. */
export function takeCode(): string | undefined {
  const code = codeOf(location.hash);
  if (location.hash.startsWith(marker)) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return code;
}

/** Empty where the text was cut or altered on its way. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
