import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "#lib/secret.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { type Pages, SlackBook } from "./book.ts";
import { FilePages } from "./file-pages.ts";
import { PostgresPages } from "./postgres-pages.ts";

let server: TestPostgres;
let directory: string;
const opened: PostgresPages[] = [];

beforeAll(async () => {
  server = await startPostgres();
  directory = mkdtempSync(`${tmpdir()}/pages-`);
}, 60_000);
afterAll(async () => {
  await Promise.all(opened.map((pages) => pages.close()));
  await server.stop();
  rmSync(directory, { recursive: true });
});

function inPostgres(): PostgresPages {
  const { host, port, database, superuser: user, password, caFile } = server;
  const pages = new PostgresPages({ host, port, database, user, password: new Secret(password), tls: { caFile } });
  opened.push(pages);
  return pages;
}

/** Opens what is there: again, as after a restart. */
const places: readonly (readonly [string, () => Promise<Pages>])[] = [
  ["a file", () => FilePages.open(`${directory}/slack.json`)],
  ["Postgres", () => Promise.resolve(inPostgres())],
];
const day = 86_400_000;
const link = (userName: string, slackUserID: string) => ({
  teamID: "T1",
  slackUserID,
  slackName: "x",
  userID: `u-${userName}`,
  userName,
  time: "2026-01-01T00:00:00.000Z",
});

describe.each(places)("what is remembered of Slack in %s", (_, open) => {
  it("is there after a restart, with one account for a person and one person for an account", async () => {
    const book = new SlackBook(await open());
    await book.link(link("ada", "U1"));
    await book.link(link("ada", "U2"));
    await book.link(link("rob", "U2"));

    const again = new SlackBook(await open());

    expect(await again.linkOf("T1", "U1")).toBeUndefined();
    expect(await again.linkOfPerson("u-ada")).toBeUndefined();
    expect(await again.linkOf("T1", "U2")).toEqual(link("rob", "U2"));
    expect(await again.unlink("u-rob")).toEqual(link("rob", "U2"));
    expect(await again.linkOf("T1", "U2")).toBeUndefined();
  });

  it("gives an account to one of two people who take it at once", async () => {
    const book = new SlackBook(await open());

    await Promise.all([book.link(link("ann", "U9")), book.link(link("bob", "U9"))]);

    const [ann, bob] = await Promise.all([book.linkOfPerson("u-ann"), book.linkOfPerson("u-bob")]);
    expect([ann, bob].filter((held) => held !== undefined)).toEqual([await book.linkOf("T1", "U9")]);
  });

  it("forgets grants of which nothing more will be said, a day after the last word", async () => {
    const book = new SlackBook(await open());
    const place = { channel: "C1", ts: "1.1", event: 1, sent: 1, time: new Date(0).toISOString() };
    await book.putPlace("over", { ...place, isOver: true });
    await book.putPlace("open", place);

    await book.sweep(day);
    expect(await book.placeOf("over")).toBeDefined();
    await book.sweep(day + 1);
    expect([await book.placeOf("over"), await book.placeOf("open")]).toEqual([undefined, place]);
    await book.sweep(60 * day + 1);

    expect(await book.placeOf("open")).toBeUndefined();
  });
});

it("does not take another file for an empty book", async () => {
  const file = `${directory}/other.json`;
  writeFileSync(file, "{");

  await expect(FilePages.open(file)).rejects.toMatchObject({ code: "SlackUnreadable" });
});
