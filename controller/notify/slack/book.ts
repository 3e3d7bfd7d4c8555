import type { EpochMs } from "#lib/clock.ts";

/** Keeps small values by name. What it keeps survives a crash of the machine. */
export interface Pages {
  read(name: string): Promise<unknown>;
  /** Resolves when it is durable. Undefined removes it. */
  write(name: string, value: unknown): Promise<void>;
  /** All whose names begin so. */
  list(prefix: string): Promise<readonly (readonly [name: string, value: unknown])[]>;
}

/** Whom a Slack account stands for. Made by the person, signed in; names alone never make one. */
export interface SlackLink {
  readonly teamID: string;
  readonly slackUserID: string;
  /** As Slack said when it was made; for display. */
  readonly slackName: string;
  /** The Identity Store's, which no other person ever gets. */
  readonly userID: string;
  readonly userName: string;
  /** RFC 3339. */
  readonly time: string;
}

/** The message by which one reviewer was asked. */
export interface ReviewerCopy {
  readonly userID: string;
  readonly userName: string;
  readonly slackUserID: string;
  /** The app's conversation with them. */
  readonly channel: string;
  readonly ts: string;
  /** Digest of what it shows. */
  readonly shown: string;
}

/** Where the messages about a grant are, and how far they are. */
export interface GrantPlace {
  readonly channel: string;
  /** Names the message; absent where it is not there yet, or not any more. */
  readonly ts?: string;
  /** Position of the event that was told last, and the sequence of positions that it is of. */
  readonly event: number;
  readonly epoch?: string;
  /** Whom of that event's readers were told. */
  readonly told?: readonly string[];
  /** Digest of what the message shows. */
  readonly shown?: string;
  /** The message whose sending was begun last, and since when: whether it arrived is not known. */
  readonly trying?: { readonly id: string; readonly time: string };
  /** Messages to reviewers alone, while there is something for them to decide. */
  readonly copies?: readonly ReviewerCopy[];
  /** Digest of what the reviewers were asked to decide on. */
  readonly asked?: string;
  /** When this was written; RFC 3339. */
  readonly time: string;
  /** Nothing more is expected. */
  readonly isOver?: boolean;
}

/** A place whose grant is over is kept for a day, in which a delivery may be repeated; one that was forgotten, for 60 days. */
const overMs = 86_400_000;
const forgottenMs = 60 * 86_400_000;

/** What is remembered of Slack: who is who there, and which message is about which grant. */
export class SlackBook {
  readonly #pages: Pages;
  /** Links are changed one at a time: two people who take one account at once must not both have it. */
  #linking: Promise<unknown> = Promise.resolve();

  constructor(pages: Pages) {
    this.#pages = pages;
  }

  /** Whom that account stands for; undefined: nobody. */
  async linkOf(teamID: string, slackUserID: string): Promise<SlackLink | undefined> {
    const link = (await this.#pages.read(accountPage(teamID, slackUserID))) as SlackLink | undefined;
    if (link === undefined) {
      return undefined;
    }
    // A person has one account: the one that they linked last.
    const current = await this.linkOfPerson(link.userID);
    return current?.teamID === teamID && current.slackUserID === slackUserID ? current : undefined;
  }

  /** The account of that person; undefined where they have linked none. */
  async linkOfPerson(userID: string): Promise<SlackLink | undefined> {
    return (await this.#pages.read(personPage(userID))) as SlackLink | undefined;
  }

  /** All links. */
  async links(): Promise<readonly SlackLink[]> {
    return (await this.#pages.list(personPage(""))).map(([, value]) => value as SlackLink);
  }

  /** Makes the link, in place of what the account and the person had before. */
  link(link: SlackLink): Promise<void> {
    return this.#oneByOne(() => this.#link(link));
  }

  /** Removes the person's link; what it was, undefined where there was none. */
  unlink(userID: string): Promise<SlackLink | undefined> {
    return this.#oneByOne(() => this.#unlink(userID));
  }

  async #oneByOne<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#linking.then(change);
    this.#linking = changed.catch(() => {});
    return changed;
  }

  async #link(link: SlackLink): Promise<void> {
    const { teamID, slackUserID, userID } = link;
    const before = (await this.#pages.read(accountPage(teamID, slackUserID))) as SlackLink | undefined;
    if (before !== undefined && before.userID !== userID) {
      await this.#unlink(before.userID);
    }
    await this.#unlink(userID);
    // The person's page decides: a crash in between leaves no link.
    await this.#pages.write(accountPage(teamID, slackUserID), link);
    await this.#pages.write(personPage(userID), link);
  }

  async #unlink(userID: string): Promise<SlackLink | undefined> {
    const link = await this.linkOfPerson(userID);
    if (link !== undefined) {
      await this.#pages.write(personPage(userID), undefined);
      await this.#pages.write(accountPage(link.teamID, link.slackUserID), undefined);
    }
    return link;
  }

  /** Where a grant's messages are. */
  async placeOf(grantID: string): Promise<GrantPlace | undefined> {
    return (await this.#pages.read(grantPage(grantID))) as GrantPlace | undefined;
  }

  /** IDs of the grants that have messages. */
  async grantIDs(): Promise<readonly string[]> {
    const prefix = grantPage("");
    return (await this.#pages.list(prefix)).map(([name]) => name.slice(prefix.length));
  }

  /** Writes it down. */
  async putPlace(grantID: string, place: GrantPlace): Promise<void> {
    await this.#pages.write(grantPage(grantID), place);
  }

  /** Removes what is known of grants of which nothing more will be said. */
  async sweep(nowMs: EpochMs): Promise<void> {
    for (const [name, value] of await this.#pages.list(grantPage(""))) {
      const { time, isOver = false } = value as GrantPlace;
      if (nowMs - Date.parse(time) > (isOver ? overMs : forgottenMs)) {
        await this.#pages.write(name, undefined);
      }
    }
  }
}

/** IDs of Slack are letters and digits: a slash separates. */
function accountPage(teamID: string, slackUserID: string): string {
  return `account/${teamID}/${slackUserID}`;
}
function personPage(userID: string): string {
  return `person/${userID}`;
}
function grantPage(grantID: string): string {
  return `grant/${grantID}`;
}
