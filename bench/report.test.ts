import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { type KeptSection, mergeSections, renderReport } from "./report.ts";

function kept(part: KeptSection["part"], text: string): KeptSection {
  return { part, section: { title: part, text } };
}

it("a part that is measured again takes the place of all that was kept of it, and the order stays", () => {
  const before = [kept("postgres", "old"), kept("postgres", "old, with TLS"), kept("memory", "kept")];

  const after = mergeSections(before, [kept("bulk", "new"), kept("postgres", "new")]);

  expect(after.map(({ section }) => `${section.title}: ${section.text}`)).toEqual([
    "postgres: new",
    "bulk: new",
    "memory: kept",
  ]);
});

it("the page holds the goals, the notes as they are, and every section", () => {
  const machine: Machine = {
    cores: 2,
    memoryGiB: 8,
    system: "Linux 6",
    node: "v24",
    versions: { haproxy: "2.6" },
    load: 0.1,
    flushMicroseconds: 300,
  };
  const goals = [{ what: "Fast", wanted: 1, is: "at least", measured: [["case", 0.5]] }] as const;

  const page = renderReport(
    { machine, sections: [{ title: "Bulk", text: "a table", goals }] },
    "## Notes\n\nby hand\n",
  );

  expect(page).toContain("| Fast | at least 1.00 | 0.50 | missed by 50 % |");
  expect(page).toContain("## Notes\n\nby hand\n\n");
  expect(page).toContain("## Bulk\n\na table\n");
});
