import type { Command, Option } from "../command.ts";

const outcomes = ["ok", "error", "cancelled", "not-executed", "cut", "unknown"];
const filterOptions: readonly Option[] = [
  { name: "user", value: "NAME", summary: "only this person's" },
  { name: "grant", value: "GRANT", summary: "only under this grant" },
  { name: "database", value: "NAME", summary: "only on this database" },
  { name: "session", value: "SESSION", summary: "only in this session, by the beginning of its ID" },
  { name: "text", value: "TEXT", summary: "only statements that contain this text" },
  {
    name: "outcome",
    value: "OUTCOME",
    summary: "only what ended so",
    values: outcomes,
  },
  { name: "min-duration", value: "DURATION", summary: "only what took this long or longer, such as 250ms or 2s" },
  { name: "min-rows", value: "N", summary: "only what gave or changed this many rows or more" },
];

/** `sallyport audit tail` */
export const auditTail: Command = {
  name: "audit tail",
  summary: "Follow statements live; resumes where it stopped and drops nothing",
  options: [
    ...filterOptions,
    { name: "since", value: "TIME", summary: "begin with what was since then: RFC 3339, or 10m for 10 minutes ago" },
    { name: "after", value: "POSITION", summary: "start after this position instead of now; 0 is the beginning" },
  ],
  examples: [
    { run: "sallyport audit tail --database orders", does: "what happens on one database" },
    {
      run: "sallyport audit tail --grant ada-orders --since 10m --outcome error",
      does: "what fails, from a while ago on",
    },
  ],
  run: async (invocation) => (await import("../audit/tail.ts")).tailStatements(invocation),
};

/** `sallyport audit search` */
export const auditSearch: Command = {
  name: "audit search",
  summary: "Search recorded statements, newest first",
  options: [
    ...filterOptions,
    { name: "since", value: "TIME", summary: "not before this instant: RFC 3339, or 10m for the last 10 minutes" },
    { name: "until", value: "TIME", summary: "before this instant: RFC 3339, or 10m for 10 minutes ago" },
    { name: "order", value: "ORDER", summary: "which comes first", values: ["newest", "oldest"], fallback: "newest" },
    { name: "limit", value: "N", summary: "at most this many", fallback: "100" },
  ],
  examples: [
    { run: "sallyport audit search --user ada --text 'delete from'", does: "who deleted what" },
    { run: "sallyport audit search --since 1d --min-duration 2s", does: "what was slow today" },
  ],
  run: async (invocation) => (await import("../audit/search.ts")).searchStatements(invocation),
};
