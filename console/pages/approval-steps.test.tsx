import { renderToString } from "preact-render-to-string";
import { describe, expect, it } from "vitest";
import type { ApprovalView } from "#wire/approval.ts";
import { Problem } from "../api/problem.ts";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Table } from "../ui/table.tsx";
import { ApprovalSteps } from "./approval-steps.tsx";

const hostile = `</blockquote><script>alert(1)</script><img src=x onerror="alert(1)">`;
const waiting: ApprovalView = {
  kind: "Reviewed",
  state: "Waiting",
  steps: [
    {
      name: "owners",
      approvers: [
        { kind: "User", name: "grace" },
        { kind: "Group", name: "leads" },
        { kind: "Pipeline", name: "" },
      ],
      requiredApprovals: 2,
      decisions: [
        {
          decision: "Approve",
          reviewer: { kind: "User", username: "grace" },
          time: "2026-11-23T10:00:00Z",
          comment: hostile,
        },
      ],
      state: "Waiting",
    },
  ],
};

/** Words that somebody reads, without markup. */
function words(html: string): string {
  return html.replaceAll(/<[^>]+>/g, "").replaceAll(/\s+/g, " ");
}

describe("the steps of an approval", () => {
  it("say who is waited for, how many are needed, and who decided", () => {
    const text = words(renderToString(<ApprovalSteps approval={waiting} />));

    expect(text).toContain("Waits for grace, group leads or the pipeline");
    expect(text).toContain("Waiting, 1 of 2");
    expect(text).toContain("grace approved");
  });

  it("a comment is text, whatever it looks like", () => {
    const html = renderToString(<ApprovalSteps approval={waiting} />);

    expect(html).not.toMatch(/<script|<img/);
    expect(html).toContain("&lt;script");
  });

  it("a comment hides nothing and turns nothing round: what would not be seen has a name", () => {
    const [step] = waiting.steps;
    const comment = "not \u202eyako\u202c \u{e0041}";
    const decisions = step!.decisions.map((decision) => ({ ...decision, comment }));

    const html = renderToString(<ApprovalSteps approval={{ ...waiting, steps: [{ ...step!, decisions }] }} />);

    expect(html).not.toMatch(/[\u202a-\u202e]|[\u{e0000}-\u{e007f}]/u);
    expect(words(html)).toContain("not U+202EyakoU+202C U+E0041");
  });

  it("break-glass says that the steps were skipped", () => {
    const text = words(renderToString(<ApprovalSteps approval={{ ...waiting, kind: "BreakGlass" }} />));

    expect(text).toContain("The steps were skipped");
  });
});

describe("a failure", () => {
  it("says what, why and what next, as sentences, and leaves commands as they are", () => {
    const problem = new Problem(403, {
      code: "Forbidden",
      message: "you may not do this",
      why: "it takes a group",
      next: "sallyport login",
    });

    const html = renderToString(<ProblemNotice problem={problem} />);

    expect(words(html)).toBe("You may not do thisIt takes a groupsallyport login");
    expect(html).toContain('role="alert"');
  });
});

describe("a table", () => {
  it("names itself and each value's column, so that it can be read as cards and by screen readers", () => {
    const columns = [
      { name: "Name", cell: (row: { name: string }) => row.name },
      { name: "Actions", isNameHidden: true, cell: () => "Open" },
    ];

    const html = renderToString(
      <Table caption="People" columns={columns} rows={[{ name: hostile }]} keyOf={(row) => row.name} />,
    );

    expect(html).toContain('<caption class="visually-hidden">People</caption>');
    expect(html).toContain('data-column="Name"');
    expect(html).toContain('<span class="visually-hidden">Actions</span>');
    expect(html).not.toMatch(/<script|<img/);
  });
});
