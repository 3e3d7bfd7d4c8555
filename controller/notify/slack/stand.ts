import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { SinkItem } from "#audit/sinks/sink.ts";
import type { Clock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { TrailEventView } from "#wire/trail-event.ts";
import type { GrantNews } from "../../serve/grants/grant-news.ts";
import type { Source } from "../../source/source.ts";
import { SlackBook } from "./book.ts";
import { slackClient } from "./client.ts";
import { SlackDesk, type SlackDeskOptions } from "./desk.ts";
import { FilePages } from "./file-pages.ts";
import { SlackSink } from "./sink.ts";
import { testChannel, testSigningSecret, type TestSlack, testSlack, testToken } from "./testing.ts";

export interface SlackStandOptions {
  readonly source: Pick<Source, "get" | "list">;
  readonly news: Pick<GrantNews, "listen">;
  readonly clock: Clock;
  readonly approveInConsole?: boolean;
  /** Who is in which group. Absent: nobody is known. Users' IDs are `u-` and their names. */
  readonly people?: Readonly<Record<string, readonly string[]>>;
}

/** A stand-in for Slack, and what speaks with it, with its memory in a file. */
export interface SlackStand {
  readonly slack: TestSlack;
  readonly desk: SlackDesk;
  readonly directory: string;
  /** The same with what is in the file, as after a restart. */
  readonly restarted: () => Promise<SlackDesk>;
  close(): Promise<void>;
}

export async function slackStand(options: SlackStandOptions): Promise<SlackStand> {
  const slack = await testSlack();
  const directory = mkdtempSync(`${tmpdir()}/slack-`);
  const signingSecretFile = `${directory}/signing`;
  const tokenFile = `${directory}/token`;
  writeFileSync(tokenFile, `${testToken}\n`);
  writeFileSync(signingSecretFile, `${testSigningSecret}\n`);
  const open = async (): Promise<SlackDesk> => {
    const { source, news, clock, approveInConsole = false, people = {} } = options;
    return new SlackDesk({
      api: slackClient({ apiURL: slack.apiURL, tokenFile, clock, timeoutMs: 300 }),
      book: new SlackBook(await FilePages.open(`${directory}/slack.json`)),
      signingSecretFile,
      apiURL: slack.apiURL,
      channel: testChannel,
      approveInConsole,
      source,
      directory: directoryOf(people),
      news,
      installation: "test",
      publicURL: "https://sallyport.test",
      hasConsole: true,
      clock,
      log: silentLog,
    });
  };
  return {
    slack,
    directory,
    desk: await open(),
    restarted: open,
    async close() {
      await slack.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** An Identity Store of these people. */
function directoryOf(people: Readonly<Record<string, readonly string[]>>): SlackDeskOptions["directory"] {
  return {
    findUser: async (userName) =>
      people[userName] === undefined
        ? undefined
        : { userName, userID: `u-${userName}`, displayName: userName, status: "ENABLED" },
    groupsOf: async (userID) => people[userID.slice(2)] ?? [],
  };
}

/** Delivers events to Slack. Gives the positions that were confirmed; rejects as the delivery does. */
export async function deliver(desk: SlackDesk, ...events: readonly TrailEventView[]): Promise<number[]> {
  const confirmed: number[] = [];
  const items = events.map((value): SinkItem<TrailEventView> => ({
    position: value.storeSeq,
    id: `evt_${value.storeSeq}`,
    receivedMs: 0,
    bytes: 100,
    value,
  }));
  await new SlackSink(desk).deliver(items, {
    signal: new AbortController().signal,
    epoch: "e",
    confirmed: (position) => confirmed.push(position),
  });
  return confirmed;
}
