import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { CutReport, ProxyStatus, SpoolStatus } from "#wire/link.ts";
import { cutReportsMax, Outbox, statusEveryMs } from "./outbox.ts";

const status: ProxyStatus = { type: "status", sessions: [], databases: [] };
const empty: SpoolStatus = {
  bytes: 0,
  bytesMax: 100,
  records: 0,
  oldestMs: 0,
  denied: 0,
  gaps: 0,
  gapRecords: 0,
  failedWrites: 0,
};
const cut = (grantID: string): CutReport => ({ type: "cut", grantID, sessions: 1, backendsGone: 1, time: "" });

it("sends the status at most once a second, the last one for sure, and one with every new link", () => {
  const clock = manualClock();
  const outbox = new Outbox(
    clock,
    () => status,
    () => empty,
  );
  const sent: string[] = [];
  outbox.connect(({ type }) => sent.push(type));

  for (let n = 0; n < 50; n += 1) {
    outbox.statusChanged();
  }
  const atOnce = sent.length;
  clock.advance(statusEveryMs);
  const later = sent.length;
  clock.advance(10 * statusEveryMs);

  expect([atOnce, later, sent.length]).toEqual([1, 2, 2]);
  outbox.disconnect();
  outbox.connect(({ type }) => sent.push(type));
  expect(sent).toHaveLength(3);
});

it("keeps cut reports while the controller is away, a bounded number of them", () => {
  const outbox = new Outbox(
    manualClock(),
    () => status,
    () => empty,
  );
  for (let n = 0; n <= cutReportsMax; n += 1) {
    outbox.reportCut(cut(`g${n}`));
  }
  const sent: string[] = [];

  outbox.connect((message) => sent.push(message.type === "cut" ? message.grantID : message.type));
  outbox.reportCut(cut("now"));

  expect(sent.slice(0, 2)).toEqual(["g1", "g2"]);
  expect(sent.slice(-2)).toEqual(["status", "now"]);
  expect(sent).toHaveLength(cutReportsMax + 2);
});

it("tells of the spool with every status, and after a ping where it has changed, to a controller that takes it", () => {
  const clock = manualClock();
  let spool = empty;
  const outbox = new Outbox(
    clock,
    () => status,
    () => spool,
  );
  const sent: unknown[] = [];
  outbox.connect((message) => sent.push("audit" in message ? message.audit : message.type), true);

  clock.advance(statusEveryMs);
  outbox.pinged();
  spool = { ...empty, records: 7 };
  outbox.pinged();
  clock.advance(statusEveryMs);
  outbox.pinged();

  expect(sent).toEqual([empty, spool]);
});

it("says nothing of the spool to an older controller, which would end the link over it", () => {
  const clock = manualClock();
  let denied = 0;
  const outbox = new Outbox(
    clock,
    () => status,
    () => ({ ...empty, denied }),
  );
  const sent: object[] = [];
  outbox.connect((message) => sent.push(message));

  denied = 1;
  clock.advance(statusEveryMs);
  outbox.pinged();
  outbox.statusChanged();

  expect(sent).toEqual([status, status]);
});
