import { describe, expect, it } from "vitest";
import { createApi } from "./client.ts";
import { hiddenGraceMs, silenceMs, type StreamState } from "./follow.ts";
import type { Problem } from "./problem.ts";
import { openAnswer, settled, testBrowser } from "./testing.ts";

interface Line {
  readonly seq: number;
}

/** Follows `/v1/tail` from 0, resuming after the last line, and notes all that it is told. */
function following() {
  const browser = testBrowser();
  const over = new AbortController();
  const lines: number[] = [];
  const states: StreamState[] = [];
  const problems: (Problem | undefined)[] = [];
  let beats = 0;
  const signedOut: number[] = [];
  createApi({ onSignedOut: () => signedOut.push(lines.length) }, browser).follow<Line>("/v1/tail", {
    query: () => ({ after: lines.at(-1) ?? 0 }),
    onLines: (piece) => lines.push(...piece.map(({ seq }) => seq)),
    onBeat: () => (beats += 1),
    onState(state, problem) {
      states.push(state);
      problems.push(problem);
    },
    signal: over.signal,
  });
  return { browser, over, lines, states, problems, signedOut, beats: () => beats };
}

describe("following a stream", () => {
  it("gives lines in order however they are cut into pieces, and keeps heartbeats apart", async () => {
    const { browser, lines, states, beats } = following();
    const answer = openAnswer();
    browser.answer(answer.response);

    answer.write('{"seq":1}\n{"se');
    await settled();
    answer.write('q":2}\n{}\n\n{"seq":3}\n');
    await settled();

    expect(lines).toEqual([1, 2, 3]);
    expect(beats()).toBe(1);
    expect(states).toEqual(["connecting", "live"]);
  });

  it("a lost connection is made again after a pause, and resumes after the last line: none is missing or twice", async () => {
    const { browser, lines, states } = following();
    const first = openAnswer();
    browser.answer(first.response);
    first.write('{"seq":1}\n{"seq":2}\n{"seq":');
    await settled();

    first.fail();
    await settled();
    expect(browser.requests).toHaveLength(1);
    await browser.pass(500);
    const second = openAnswer();
    browser.answer(second.response);
    second.write('{"seq":3}\n');
    await settled();

    expect(browser.requests.map(({ path }) => path)).toEqual(["/v1/tail?after=0", "/v1/tail?after=2"]);
    expect(lines).toEqual([1, 2, 3]);
    expect(states).toEqual(["connecting", "live", "waiting", "live"]);
  });

  it("an end without an error is a lost connection too", async () => {
    const { browser } = following();
    const answer = openAnswer();
    browser.answer(answer.response);

    answer.end();
    await settled();
    await browser.pass(500);

    expect(browser.requests).toHaveLength(2);
  });

  it("the pauses grow while nothing answers, and are short again after an answer", async () => {
    const { browser } = following();
    const unreachable = async (pauseMs: number): Promise<boolean> => {
      browser.answer(new TypeError("failed to fetch"));
      await settled();
      const before = browser.requests.length;
      await browser.pass(pauseMs - 1);
      const isTooEarly = browser.requests.length > before;
      await browser.pass(1);
      return !isTooEarly && browser.requests.length === before + 1;
    };

    expect(await unreachable(300)).toBe(true);
    expect(await unreachable(600)).toBe(true);
    expect(await unreachable(1_200)).toBe(true);
    const answer = openAnswer();
    browser.answer(answer.response);
    await settled();
    answer.fail();
    await settled();
    await browser.pass(300);
    expect(browser.requests).toHaveLength(5);
  });

  it("a connection on which nothing comes, not even heartbeats, is given up", async () => {
    const { browser, states } = following();
    const answer = openAnswer();
    browser.answer(answer.response);
    await settled();
    await browser.pass(silenceMs - 1);
    answer.write("{}\n");
    await settled();
    await browser.pass(silenceMs - 1);
    expect(states).toEqual(["connecting", "live"]);

    await browser.pass(1);

    expect(states).toEqual(["connecting", "live", "waiting"]);
    expect(browser.requests[0]?.init.signal?.aborted).toBe(true);
  });

  it("a page that nobody sees gives its connection back, and resumes without a gap when it is seen", async () => {
    const { browser, lines, states } = following();
    const first = openAnswer();
    browser.answer(first.response);
    first.write('{"seq":1}\n');
    await settled();

    await browser.show(false);
    await browser.pass(hiddenGraceMs);
    expect(states.at(-1)).toBe("paused");
    const second = openAnswer();
    browser.answer(second.response);
    await browser.show(true);
    second.write('{"seq":2}\n');
    await settled();

    expect(browser.requests.map(({ path }) => path)).toEqual(["/v1/tail?after=0", "/v1/tail?after=1"]);
    expect(lines).toEqual([1, 2]);
  });

  it("a short look elsewhere keeps the connection", async () => {
    const { browser, states } = following();
    const answer = openAnswer();
    browser.answer(answer.response);
    await settled();

    await browser.show(false);
    await browser.pass(hiddenGraceMs - 30_000);
    answer.write("{}\n");
    await settled();
    await browser.pass(29_999);
    await browser.show(true);
    await browser.pass(1_000);

    expect(states).toEqual(["connecting", "live"]);
  });

  it.each([403, 404])("after %i it does not try again, and says why", async (status) => {
    const { browser, states, problems } = following();

    browser.answer(Response.json({ error: { code: "No", message: "you may not", next: "Ask." } }, { status }));
    await settled();
    await browser.pass(60_000);

    expect(states).toEqual(["connecting", "refused"]);
    expect(problems.at(-1)).toMatchObject({ status, message: "you may not", next: "Ask." });
    expect(browser.requests).toHaveLength(1);
  });

  it("a session that is over is told to the page", async () => {
    const { browser, signedOut } = following();

    browser.answer(Response.json({ error: { code: "NotSignedIn", message: "over" } }, { status: 401 }));
    await settled();

    expect(signedOut).toEqual([0]);
  });

  it.each([408, 429, 503])("%i is waited out", async (status) => {
    const { browser, states, lines } = following();
    browser.answer(Response.json({ error: { code: "TooManyTails", message: "too many" } }, { status }));
    await settled();
    await browser.pass(500);
    const answer = openAnswer();
    browser.answer(answer.response);
    answer.write('{"seq":1}\n');
    await settled();

    expect(states).toEqual(["connecting", "waiting", "live"]);
    expect(lines).toEqual([1]);
  });

  it("a line that is no JSON is a lost connection, not a dead page", async () => {
    const { browser, states } = following();
    const answer = openAnswer();
    browser.answer(answer.response);
    answer.write("<html>\n");
    await settled();

    expect(states.at(-1)).toBe("waiting");
    expect(browser.requests[0]?.init.signal?.aborted).toBe(true);
  });

  it("stops for good when it is told to, and gives nothing more", async () => {
    const { browser, over, lines } = following();
    const answer = openAnswer();
    browser.answer(answer.response);
    await settled();

    over.abort();
    answer.write('{"seq":1}\n');
    await settled();
    await browser.pass(60_000);

    expect(lines).toEqual([]);
    expect(browser.requests).toHaveLength(1);
    expect(browser.requests[0]?.init.signal?.aborted).toBe(true);
  });
});
