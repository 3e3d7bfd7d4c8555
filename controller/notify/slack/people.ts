import type { Grant } from "#kinds/index.ts";
import { mayReview } from "../../reconcile/grant/approval.ts";
import { isNamedAs } from "../../reconcile/grant/names.ts";
import { workflowOf } from "../../serve/grants/approval.ts";
import { readPerson } from "../../serve/auth/person.ts";
import type { SlackLink } from "./book.ts";
import type { SlackDesk } from "./desk.ts";

/** Accounts of whom a request's reviewers are found where a step names a group; each costs some calls to the Identity Store. */
export const membersLookedAtMax = 200;

/** The account of the grant's person; undefined where they have linked none. */
export async function principalOf({ options: { book } }: SlackDesk, grant: Grant): Promise<SlackLink | undefined> {
  const userID = grant.status?.principal?.userID;
  return userID === undefined ? undefined : book.linkOfPerson(userID);
}

/** The account of who asked for it, where that is another person. A name that somebody else took over is nobody's here. */
export async function requesterOf({ options }: SlackDesk, { spec, status }: Grant): Promise<SlackLink | undefined> {
  const name = spec.requester?.username;
  if (name === undefined || isNamedAs(name, spec.principal.name)) {
    return undefined;
  }
  const { book, directory } = options;
  const link = (await book.links()).find(({ userName }) => isNamedAs(userName, name));
  if (link === undefined || link.userID === status?.principal?.userID) {
    return undefined;
  }
  const user = await directory.findUser(name);
  return user?.userID === link.userID && user.status === "ENABLED" ? link : undefined;
}

/** The accounts of those whose approval counts now, by the groups that they are in now. */
export async function reviewersOf({ options }: SlackDesk, grant: Grant): Promise<readonly SlackLink[]> {
  const { book, directory, source, clock } = options;
  const workflow = workflowOf(grant, source);
  const approvers = (workflow?.spec.approvalSteps ?? []).flatMap((step) => step.approvers);
  const isNamed = (link: SlackLink): boolean =>
    approvers.some(({ kind, name }) => kind === "User" && isNamedAs(name, link.userName));
  const links = await book.links();
  const named = links.filter(isNamed);
  const others = approvers.some(({ kind }) => kind === "Group") ? links.filter((link) => !isNamed(link)) : [];
  const found: SlackLink[] = [];
  for (const link of [...named, ...others.slice(0, membersLookedAtMax)]) {
    const person = await readPerson(link.userName, directory);
    const isThem = person?.userID === link.userID;
    if (isThem && mayReview(person, grant, workflow, clock.now()).approve.length > 0) {
      found.push(link);
    }
  }
  return found;
}
