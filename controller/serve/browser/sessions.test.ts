import { beforeEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { caller } from "#test/serve/services.ts";
import { ConsoleLinks, linksMax } from "./links.ts";
import { BrowserSessions, personAgeMaxMs, sessionLifeMs, sessionsMax } from "./sessions.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
let clock: ManualClock;
let sessions: BrowserSessions;
let isAway: boolean;

beforeEach(() => {
  clock = manualClock();
  isAway = false;
  const readPerson = async (userName: string) => {
    if (isAway) {
      throw new Error("AWS does not answer");
    }
    return caller(userName);
  };
  sessions = new BrowserSessions({ clock, random, readPerson });
});

const start = (userName: string): string => sessions.start(caller(userName)).token.reveal();

describe("what a browser has open", () => {
  it("ends when its person must be read again, and at once when the person signs out", () => {
    const [ada, grace] = [start("ada"), start("grace")];
    const over: string[] = [];
    sessions.whenOver(ada, () => over.push("ada"));
    sessions.whenOver(grace, () => over.push("grace"));
    sessions.whenOver("unknown", () => over.push("unknown"));

    sessions.end(ada);
    expect(over).toEqual(["ada"]);
    clock.advance(personAgeMaxMs - 1);
    expect(over).toEqual(["ada", "unknown"]);
    clock.advance(1);
    expect(over).toContain("grace");
  });

  it("does not outlive the session, and says nothing once it is closed", async () => {
    const token = start("ada");
    for (let at = 0; at < sessionLifeMs - personAgeMaxMs / 2; at += personAgeMaxMs / 2) {
      clock.advance(personAgeMaxMs / 2);
      await sessions.find(token);
    }
    let isOver = false;
    const cancel = sessions.whenOver(token, () => (isOver = true));

    cancel();
    clock.advance(sessionLifeMs);
    sessions.end(token);

    expect(isOver).toBe(false);
    expect(await sessions.find(token)).toBeUndefined();
  });
});

it("lets nobody in while it cannot be told who they are now, and goes on afterwards", async () => {
  const token = start("ada");
  clock.advance(personAgeMaxMs);
  isAway = true;

  await expect(sessions.find(token)).rejects.toThrow("does not answer");
  isAway = false;

  expect(await sessions.find(token)).toMatchObject({ userName: "ada" });
});

it("holds so many sessions: whoever was idle longest is signed out first", async () => {
  const [first, second] = [start("first"), start("second")];
  for (let count = 2; count < sessionsMax; count += 1) {
    start(`person-${count}`);
  }
  await sessions.find(first);

  start("one more");

  expect(await sessions.find(first)).toBeDefined();
  expect(await sessions.find(second)).toBeUndefined();
});

it("holds so many links: the oldest goes first", () => {
  const links = new ConsoleLinks(clock, random);
  const [first, second] = ["first", "second"].map((name) => links.issue(caller(name)).code.reveal());
  for (let count = 2; count <= linksMax; count += 1) {
    links.issue(caller(`person-${count}`));
  }

  expect(links.redeem(first ?? "")).toBeUndefined();
  expect(links.redeem(second ?? "")).toMatchObject({ userName: "second" });
});
