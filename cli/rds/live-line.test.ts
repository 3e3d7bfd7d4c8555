import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { testComputer } from "#test/cli/world.ts";
import { createLiveLine } from "./live-line.ts";
import { readLines } from "./typed-lines.ts";

/** What a terminal shows in the end: each line as it was drawn last. */
const shown = (screen: string): string => screen.split("\r\u001b[K").at(-1) ?? "";

describe("the live line", () => {
  it("is drawn again as time goes by, less often after a minute, and is gone when nobody waits", () => {
    const clock = manualClock();
    using computer = testComputer({ clock, interactive: true });
    const { line } = createLiveLine(computer.world);

    line.show("one", "Waiting for one");
    clock.advance(61_000);
    expect(shown(computer.screen())).toBe("Waiting for one... [1m1s elapsed]");
    clock.advance(9_000);
    expect(shown(computer.screen())).toBe("Waiting for one... [1m1s elapsed]");
    line.show("two", "Waiting for two");
    expect(shown(computer.screen())).toBe("Waiting for one; Waiting for two... [1m10s elapsed]");
    line.clear("one");
    line.clear("two");

    expect(shown(computer.screen())).toBe("");
    expect(clock.pendingCount()).toBe(0);
  });

  it("makes room for what else is said, and cannot be made to draw more than itself", () => {
    using computer = testComputer({ interactive: true });
    const { line, output } = createLiveLine(computer.world);

    line.show("one", `Waiting for \u001b[2J${"x".repeat(200)}`);
    output.note("something happened");

    expect(computer.err()).toBe("[i] something happened\n");
    expect(shown(computer.screen()).length).toBeLessThan(80);
    expect(shown(computer.screen())).not.toContain("\u001b");
    line.clear("one");
  });

  it.each([{ interactive: false }, { interactive: true, format: "json" as const }])(
    "is not there where nobody looks: %j",
    (options) => {
      using computer = testComputer(options);
      const { line } = createLiveLine(computer.world);

      line.show("one", "Waiting");
      line.clear("one");

      expect(computer.screen() + computer.err()).toBe("");
    },
  );
});

it("lines that are typed are heard one by one, however they come, until nobody listens", async () => {
  using computer = testComputer({ interactive: true });
  const heard: string[] = [];
  const arrived = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const stop = readLines(computer.world, (line) => heard.push(line));
  computer.type("e or");
  await arrived();
  computer.type("ders\r\n\nhelp\nhalf");
  await arrived();
  stop();
  computer.type(" a line\n");
  await arrived();

  expect(heard).toEqual(["e orders", "", "help"]);
});
