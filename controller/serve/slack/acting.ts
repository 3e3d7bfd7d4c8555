import { coerceError, UserError } from "#lib/errors.ts";
import type { ReviewedGrant } from "#wire/control-api.ts";
import type { ButtonIntent } from "../../notify/slack/button.ts";
import type { SlackDesk } from "../../notify/slack/desk.ts";
import { mrkdwn } from "../../notify/slack/text.ts";
import { grantLinks } from "../../notify/links.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import { readPerson } from "../auth/person.ts";
import type { Principal } from "../auth/tokens.ts";
import { type Caller, HttpProblem, type Route } from "../route.ts";
import { reviewRoutes } from "../routes/reviews.ts";
import type { Services } from "../services.ts";
import { codeLifeMs, type LinkCodes } from "./link-codes.ts";
import type { SlackAccount } from "./payload.ts";

/** What became of it, in mrkdwn, for the one who pressed. */
export interface Outcome {
  readonly done: boolean;
  readonly text: string;
  /** In a few words, where there is room for no more. Absent: `text`. */
  readonly short?: string;
}

/** Longest sentence of ours in an answer. */
const sentenceMax = 600;

/** Does what people press in Slack, as the persons that their accounts stand for, by the rules of the control API. */
export class SlackActing {
  readonly #desk: SlackDesk;
  readonly #services: Services;
  readonly #codes: LinkCodes;
  readonly #routes: readonly Route[];

  constructor(desk: SlackDesk, services: Services, codes: LinkCodes) {
    this.#desk = desk;
    this.#services = services;
    this.#codes = codes;
    this.#routes = reviewRoutes(services);
  }

  /** Whom the account stands for at this moment, or what to tell them. Rejects where the Identity Store does not answer. */
  async #personOf(account: SlackAccount): Promise<Principal | Outcome> {
    const link = await this.#desk.book.linkOf(account.teamID, account.slackUserID);
    if (link === undefined) {
      const code = this.#codes.issue(account);
      return {
        ...refusal(linkText(code, this.#desk.options)),
        short: "This Slack account is linked to nobody. Close this, and press the button again.",
      };
    }
    const person = await readPerson(link.userName, this.#services.directory);
    // A name that somebody else took over opens nothing.
    return person === undefined || person.userID !== link.userID
      ? refusal(`${mrkdwn(link.userName)} is not an enabled user of the Identity Store any more.`)
      : person;
  }

  /** What to tell the account instead of letting it go on; undefined where it stands for a person. Never rejects. */
  async hindrance(account: SlackAccount): Promise<Outcome | undefined> {
    try {
      const person = await this.#personOf(account);
      return "done" in person ? person : undefined;
    } catch (error) {
      return refusal(this.#sentenceOf(error));
    }
  }

  /** Does it, or says why not. Never rejects. */
  async act(account: SlackAccount, intent: ButtonIntent, comment?: string): Promise<Outcome> {
    try {
      if (this.#desk.options.approveInConsole) {
        const { console } = grantLinks(this.#desk.options.publicURL, intent.grantID);
        return refusal(`Decisions are made <${console}|in the console> here.`);
      }
      const person = await this.#personOf(account);
      if ("done" in person) {
        return person;
      }
      const answer = await this.#ask(person, intent, comment);
      const { kind, grantID } = intent;
      this.#services.log.info("a decision came from Slack", {
        userName: person.userName,
        slackTeam: account.teamID,
        slackUser: account.slackUserID,
        kind,
        grantID,
      });
      return { done: true, text: answer.review?.state === "Counted" ? countedText : doneText[kind] };
    } catch (error) {
      this.#refresh(intent.grantID);
      return refusal(this.#sentenceOf(error));
    }
  }

  /** The same as a request to the control API by that person, who has no more rights here than their own: no auditor's, no administrator's. */
  async #ask(person: Principal, intent: ButtonIntent, comment: string | undefined): Promise<Partial<ReviewedGrant>> {
    const { grantID } = intent;
    const caller: Caller = {
      ...person,
      auditor: false,
      administrator: false,
      auditGroup: false,
      session: "slack",
    };
    const [operationID, body] =
      intent.kind === "extend"
        ? (["extendGrant", { count: intent.count }] as const)
        : ([
            "reviewGrant",
            {
              decision: intent.kind === "approve" ? "Approve" : "Deny",
              digest: intent.digest,
              ...(comment === undefined ? {} : { comment }),
            },
          ] as const);
    const route = this.#routes.find((candidate) => candidate.operationID === operationID);
    const { signal } = new AbortController();
    if (route === undefined) {
      throw new Error(`there is no route ${operationID}`);
    }
    return (await route.handle({ path: { grantID }, query: {}, body, caller, signal })) as Partial<ReviewedGrant>;
  }

  #sentenceOf(error: unknown): string {
    if (error instanceof HttpProblem) {
      const { message, why, next } = error.body.error;
      return sentences(message, why, next);
    }
    if (error instanceof UserError) {
      return sentences(error.message, error.why, error.next);
    }
    this.#services.log.error("what was pressed in Slack could not be done", { error: coerceError(error) });
    return "The controller failed to do it. Try again, or use the console.";
  }

  /** What was pressed may be of a message that is behind. */
  #refresh(grantID: string): void {
    const grant = findGrant(this.#services.source, grantID);
    if (grant === undefined) {
      return;
    }
    const desk = this.#desk;
    desk
      .exclusive(async () => {
        const place = await desk.book.placeOf(grantID);
        await (place === undefined ? undefined : desk.show(desk.viewOf(grant), place, AbortSignal.timeout(10_000)));
      })
      .catch((error: unknown) =>
        this.#services.log.warn("a message in Slack is behind", { grantID, error: coerceError(error) }),
      );
  }
}

/** How an account is linked: by a link, where there is a console, and by a command. */
function linkText(code: string, { publicURL, hasConsole }: SlackDesk["options"]): string {
  const url = `${publicURL}/console/slack-link#slack=${code}`;
  const inBrowser = hasConsole ? `<${url}|link it in your browser>, or ` : "";
  return `This Slack account is linked to nobody yet. Within ${codeLifeMs / 60_000} minutes ${inBrowser}run \`sallyport slack link ${code}\` where you are signed in; then press again. Give neither link nor code to anybody.`;
}

const doneText: Readonly<Record<ButtonIntent["kind"], string>> = {
  approve: "Your approval is on record.",
  deny: "Your denial is on record.",
  extend: "Your extension is on record.",
};

/** Of a review whose outcome is known already. */
const countedText = "Your decision counted.";

function sentences(...parts: readonly (string | undefined)[]): string {
  const said = parts.filter((part) => part !== undefined && part !== "").map((part) => part?.replace(/\.$/, ""));
  return mrkdwn(`${said.join(". ")}.`, sentenceMax);
}

/** `text` is mrkdwn. */
function refusal(text: string): Outcome {
  return { done: false, text };
}
