/**
 * Whether answers may be posted there: Slack's own host for that, `hooks.` before the domain of its Web API. The request that brought the
 * address is signed; this keeps the controller from speaking with anybody else whoever has the secret. Pure.
 */
export function isResponseURL(text: string, apiURL: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const api = new URL(apiURL);
  const { protocol, host, username } = new URL(text);
  const isLocal = api.protocol === "http:" && host === api.host && protocol === "http:";
  return username === "" && (isLocal || (protocol === "https:" && host === `hooks.${api.host}`));
}
