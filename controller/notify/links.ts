/** Where people look at a grant. */
export interface GrantLinks {
  readonly console: string;
  readonly api: string;
}

/** Links to a grant; `publicURL` without a slash at its end. Pure. */
export function grantLinks(publicURL: string, grantID: string): GrantLinks {
  return { console: `${publicURL}/console/grants/${grantID}`, api: `${publicURL}/v1/grants/${grantID}` };
}
