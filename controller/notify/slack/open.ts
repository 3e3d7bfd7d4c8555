import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createDirectory } from "../../serve/directory.ts";
import type { GrantNews } from "../../serve/grants/grant-news.ts";
import type { Source } from "../../source/source.ts";
import type { ControllerWorld } from "../../world.ts";
import { type Pages, SlackBook } from "./book.ts";
import { slackClient } from "./client.ts";
import { SlackDesk } from "./desk.ts";
import { FilePages } from "./file-pages.ts";
import { keepFresh } from "./refresh.ts";

/** Slack as this process speaks with it. */
export interface OpenSlack {
  readonly desk: SlackDesk;
  /** Keeps messages as their grants are, from the moment at which this process leads. */
  begin(): void;
  close(): Promise<void>;
}

/** What speaks with Slack; undefined where that was not asked for. Calls nobody yet. */
export async function openSlack(
  { options, clock, log, ports, fence }: ControllerWorld,
  source: Source,
  news: GrantNews,
): Promise<OpenSlack | undefined> {
  const { slack, installation, publicURL, identityPermissionSet, identityAccount, identityStore } = options;
  if (slack === undefined) {
    return undefined;
  }
  const { pages, closePages } = await openPages(options);
  const { signingSecretFile, channel, approveInConsole, tokenFile, apiURL } = slack;
  const desk = new SlackDesk({
    signingSecretFile,
    channel,
    approveInConsole,
    apiURL,
    api: slackClient({ apiURL, tokenFile, clock }),
    book: new SlackBook(pages),
    source,
    directory: createDirectory({ source, ports, clock, identityPermissionSet, identityAccount, identityStore }),
    news,
    installation,
    publicURL,
    hasConsole: options.console,
    // What all replicas share is one leader's to change; a store of its own nobody else can tell of.
    pass: options.audit.store === undefined ? undefined : () => fence.pass("slack:Send"),
    clock,
    log,
  });
  const ended = new AbortController();
  let fresh: Promise<void> = Promise.resolve();
  return {
    desk,
    begin() {
      fresh = keepFresh(desk, ended.signal);
    },
    async close() {
      ended.abort();
      await fresh;
      await closePages();
    },
  };
}

/** Kept where the audit trail is: with what all replicas share, or in this one's own directory. */
async function openPages({
  state,
  audit,
}: ControllerWorld["options"]): Promise<{ readonly pages: Pages; readonly closePages: () => Promise<void> }> {
  if (audit.store !== undefined) {
    // Loaded where it is needed.
    const { PostgresPages } = await import("./postgres-pages.ts");
    const pages = new PostgresPages(audit.store);
    return { pages, closePages: () => pages.close() };
  }
  await mkdir(state, { recursive: true, mode: 0o700 });
  return { pages: await FilePages.open(path.join(state, "slack.json")), closePages: async () => {} };
}
