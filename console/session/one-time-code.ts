/** What a fragment carries: the code of `sallyport console`, or one that Slack showed. A fragment never reaches a server or its log. */
type CodeName = "code" | "slack";

/** The one-time code in an address's fragment, if it has one. */
export function codeOf(hash: string, name: CodeName = "code"): string | undefined {
  const marker = `#${name}=`;
  const code = hash.startsWith(marker) ? decoded(hash.slice(marker.length)) : "";
  return code === "" ? undefined : code;
}

/** Takes the code out of the address bar and of the history, so that neither a look over the shoulder nor "back" finds it. */
export function takeCode(name: CodeName = "code"): string | undefined {
  const code = codeOf(location.hash, name);
  if (location.hash.startsWith(`#${name}=`)) {
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
