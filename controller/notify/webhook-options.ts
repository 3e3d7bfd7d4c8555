import { createHash } from "node:crypto";
import { UserError } from "#lib/errors.ts";
import { type TrailEventName, trailEvents } from "#wire/trail-event.ts";
import { wrongOption } from "../option-values.ts";

/** A receiver of webhooks as it was asked for. */
export interface WebhookOptions {
  /** Names cursor, metrics and messages: of the address only the host is shown, since paths and queries may hold tokens. */
  readonly name: string;
  readonly url: URL;
  readonly secretFile: string;
  readonly events: readonly TrailEventName[];
}

/** `--webhook-url` was given several times where a comma is followed by the scheme of another URL. */
const between = /,(?=https?:\/\/)/;

/** The webhooks that were asked for. Throws a `UserError` that names the flag. */
export function readWebhooks(given: Readonly<Record<string, string>>): readonly WebhookOptions[] {
  const urls = given["webhook-url"]?.split(between) ?? [];
  const secretFile = given["webhook-secret-file"];
  if (urls.length > 0 && secretFile === undefined) {
    throw new UserError("InvalidOption", "--webhook-url needs --webhook-secret-file", {
      why: "Receivers tell our events from everybody else's by their signature.",
      next: "Write whsec_ and 32 random bytes in base64 into a file, and name it.",
    });
  }
  if (urls.length === 0 && secretFile !== undefined) {
    throw new UserError("InvalidOption", "--webhook-secret-file says nothing without --webhook-url", {
      next: "Give --webhook-url as well, or leave it out.",
    });
  }
  const webhooks = urls.map((text) => readWebhook(text, secretFile ?? ""));
  const names = webhooks.map(({ name }) => name);
  const twice = webhooks.find(({ name }, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new UserError("InvalidOption", `--webhook-url is given twice for one address at ${twice.url.host}`, {
      next: "Name all events of an address in one: #events=grant.requested,grant.ended",
    });
  }
  return webhooks;
}

function readWebhook(text: string, secretFile: string): WebhookOptions {
  // What was typed may hold a token: it is not repeated.
  const wrong = (expected: string): UserError => wrongOption("webhook-url", hostOf(text), expected);
  if (!URL.canParse(text)) {
    throw wrong("an https address");
  }
  const url = new URL(text);
  const isHere = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isHere)) {
    throw wrong("an https address; plain http only to this machine");
  }
  if (url.username !== "" || url.password !== "") {
    throw wrong("an address without user name and password: what arrives is signed");
  }
  const events = readEvents(url.hash, url.host);
  // A fragment is never sent (RFC 9110 7.1), which makes it a place for what is ours.
  url.hash = "";
  const digest = createHash("sha256").update(url.href).digest("hex").slice(0, 8);
  return { name: `webhook:${url.host}#${digest}`, url, secretFile, events };
}

function hostOf(text: string): string {
  return URL.canParse(text) ? new URL(text).host : "something else";
}

/** The events that `#events=` names, `grant.*` for all that begin so. Absent: what happens to grants. */
function readEvents(fragment: string, host: string): readonly TrailEventName[] {
  if (fragment === "") {
    return trailEvents.filter((name) => name.startsWith("grant."));
  }
  const [, list = ""] = /^#events=(.+)$/.exec(fragment) ?? [];
  const patterns = list.split(",");
  const fits = (name: string, pattern: string): boolean =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  const unknown = patterns.find((pattern) => !trailEvents.some((name) => fits(name, pattern)));
  if (unknown !== undefined) {
    throw wrongOption(
      "webhook-url",
      `${host} with "${unknown}"`,
      `#events= and names out of ${trailEvents.join(", ")}`,
    );
  }
  return trailEvents.filter((name) => patterns.some((pattern) => fits(name, pattern)));
}
