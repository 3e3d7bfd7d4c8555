import type { Context, Hono } from "hono";
import { post } from "#audit/sinks/http.ts";
import { pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { type ButtonIntent, readButton } from "../../notify/slack/button.ts";
import type { SlackDesk } from "../../notify/slack/desk.ts";
import { actionIDs, noteMessage } from "../../notify/slack/message.ts";
import { plainText } from "../../notify/slack/text.ts";
import { readText } from "../body.ts";
import { HttpProblem, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { type Outcome, SlackActing } from "./acting.ts";
import { LinkCodes } from "./link-codes.ts";
import { slackLinkRoutes } from "./link-routes.ts";
import { denyModal } from "./modal.ts";
import { type Interaction, readInteraction } from "./payload.ts";
import { isResponseURL } from "./response-url.ts";
import { SlackRequests } from "./signature.ts";

/** A payload holds the message that was pressed: 50 blocks of 3,000 characters, escaped twice, would not come near. */
const bodyBytesMax = 256 * 1024;
/** Slack waits three seconds for an answer; the network takes a part of them. */
const answerMs = 2_000;
/** GrantReview takes that much. */
const commentMax = 2_048;

/** Where Slack tells what people press. */
export interface SlackDoor {
  /** Adds `POST /slack/interactions`. */
  mount(app: Hono): void;
  /** Routes by which people link their accounts. */
  readonly routes: readonly Route[];
}

/** Builds it. Calls nobody. */
export function slackDoor(desk: SlackDesk, services: Services): SlackDoor {
  const { clock, random, trail, log } = services;
  const codes = new LinkCodes(clock, random);
  const acting = new SlackActing(desk, services, codes);
  const requests = new SlackRequests(clock);
  const presses = new Presses(desk, acting, services);
  return {
    routes: slackLinkRoutes({ book: desk.book, codes, trail, clock, log }),
    mount(app) {
      app.post("/slack/interactions", async (context) => {
        const body = await readText(context, bodyBytesMax);
        const secrets = await desk.signingSecrets().catch((error: unknown) => {
          log.error("Slack's requests cannot be checked", { error: coerceError(error) });
          throw new HttpProblem(503, "SlackUnavailable", "requests of Slack cannot be checked right now");
        });
        const timestamp = context.req.header("x-slack-request-timestamp") ?? "";
        const signature = context.req.header("x-slack-signature") ?? "";
        if (!requests.accepts({ timestamp, signature, body }, secrets)) {
          throw new HttpProblem(401, "NotFromSlack", "this is no request of Slack, is old, or came before");
        }
        const interaction = readInteraction(body);
        if (interaction === undefined) {
          throw new HttpProblem(400, "InvalidBody", "this is no interaction of Slack");
        }
        return presses.answer(context, interaction, (value) => readButton(value, desk.options.installation, secrets));
      });
    },
  };
}

type Read = (value: string) => ButtonIntent | undefined;
type Button = Extract<Interaction, { readonly kind: "button" }>;
type Modal = Extract<Interaction, { readonly kind: "modal" }>;

const unknownButton: Outcome = {
  done: false,
  text: "This button is too old to be known here. Open the grant in the console.",
};

const notAsked: Outcome = {
  done: false,
  text: "Slack did not open the window in which you say why. Nothing was decided: press again.",
};

/** Answers what people press within Slack's time, and does it. */
class Presses {
  readonly #desk: SlackDesk;
  readonly #acting: SlackActing;
  readonly #services: Services;

  constructor(desk: SlackDesk, acting: SlackActing, services: Services) {
    this.#desk = desk;
    this.#acting = acting;
    this.#services = services;
  }

  async answer(context: Context, interaction: Interaction, read: Read): Promise<Response> {
    if (interaction.kind === "modal") {
      return context.json(await this.#modal(interaction, read(interaction.value)));
    }
    if (interaction.kind === "button" && interaction.actionID !== actionIDs.open) {
      // Slack is answered at once: what is said of it goes to the response URL.
      void this.#button(interaction, read(interaction.value)).catch((error: unknown) =>
        this.#services.log.warn("somebody who pressed a button in Slack got no answer", { error: coerceError(error) }),
      );
    }
    return context.body(null, 200);
  }

  async #button(button: Button, intent: ButtonIntent | undefined): Promise<void> {
    if (intent?.kind === "deny" && !this.#desk.options.approveInConsole) {
      const hindrance = await this.#acting.hindrance(button.account);
      await (hindrance === undefined ? this.#askWhy(button) : this.#reply(button, hindrance));
      return;
    }
    await this.#reply(button, intent === undefined ? unknownButton : await this.#acting.act(button.account, intent));
  }

  async #askWhy(button: Button): Promise<void> {
    const { triggerID, value } = button;
    const body = { trigger_id: triggerID, view: denyModal(value) };
    try {
      await this.#desk.options.api.call("views.open", body, AbortSignal.timeout(answerMs));
    } catch (error) {
      this.#services.log.warn("Slack did not ask somebody why they deny", { error: coerceError(error) });
      await this.#reply(button, notAsked);
    }
  }

  /** Slack shows errors in the modal, which stays open. What takes longer than Slack waits is told in a message of its own. */
  async #modal({ account, comment }: Modal, intent: ButtonIntent | undefined): Promise<unknown> {
    const said = plainText(comment, commentMax);
    if (intent?.kind !== "deny" || said === "") {
      return errorIn(intent === undefined ? unknownButton.text : "Say why: the comment goes to whoever asked.");
    }
    const acting = this.#acting.act(account, intent, said);
    const late = new AbortController();
    const outcome = await Promise.race([
      acting,
      pause(this.#services.clock, answerMs, late.signal).catch(() => undefined),
    ]);
    late.abort();
    if (outcome !== undefined) {
      return outcome.done ? { response_action: "clear" } : errorIn(outcome.short ?? outcome.text);
    }
    void acting
      .then(({ text }) => this.#desk.post(account.slackUserID, { text, blocks: [] }, AbortSignal.timeout(10_000)))
      .catch((error: unknown) =>
        this.#services.log.warn("somebody who denied in Slack got no answer", { error: coerceError(error) }),
      );
    return { response_action: "clear" };
  }

  /** To the one who pressed alone. */
  async #reply({ responseURL }: Button, { text }: Outcome): Promise<void> {
    if (!isResponseURL(responseURL, this.#desk.options.apiURL)) {
      this.#services.log.warn("an answer would go to an address that is not Slack's", {});
      return;
    }
    const body = { response_type: "ephemeral", replace_original: false, ...noteMessage(text) };
    const { status } = await post({
      url: new URL(responseURL),
      headers: { "content-type": "application/json; charset=utf-8", "user-agent": "sallyport" },
      body: Buffer.from(JSON.stringify(body)),
      tls: {},
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    });
    if (status < 200 || status > 299) {
      this.#services.log.warn("Slack did not take the answer to somebody who pressed a button", { status });
    }
  }
}

function errorIn(text: string): unknown {
  return { response_action: "errors", errors: { comment: plainText(text, 150) } };
}
