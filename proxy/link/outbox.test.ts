import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { CutReport, ProxyStatus } from "#wire/link.ts";
import { cutReportsMax, Outbox, statusEveryMs } from "./outbox.ts";

const status: ProxyStatus = { type: "status", sessions: [], databases: [] };
const cut = (grantID: string): CutReport => ({ type: "cut", grantID, sessions: 1, backendsGone: 1, time: "" });

it("sends the status at most once a second, the last one for sure, and one with every new link", () => {
  const clock = manualClock();
  const outbox = new Outbox(clock, () => status);
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
  const outbox = new Outbox(manualClock(), () => status);
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
