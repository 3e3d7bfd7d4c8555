import path from "node:path";
import type { MoveReport } from "#audit/store/move/move.ts";
import { UserError } from "#lib/errors.ts";
import { shellWord } from "#lib/shell-word.ts";
import { type Command, valueOf } from "../command.ts";

/** `sallyport audit move` */
export const auditMove: Command = {
  name: "audit move",
  summary: "Move an audit trail from SQLite in a state directory to Postgres; the controller must not run",
  options: [
    {
      name: "state",
      value: "DIR",
      summary: "the state directory whose trail it is; it keeps all of it",
      required: true,
    },
    {
      name: "audit-store-url-file",
      value: "FILE",
      summary: "file with the postgres:// URL of an empty database (or SALLYPORT_AUDIT_STORE_URL)",
    },
    {
      name: "public-key",
      value: "FILE",
      summary:
        "the public keys that signed, PEM, where the key is not in DIR (--head-key); the key's own file does too",
    },
  ],
  examples: [
    {
      run: "sallyport audit move --state /var/lib/sallyport --audit-store-url-file /etc/sallyport/audit-store-url",
      does: "before the first start with that store; run it again where it was cut off",
    },
  ],
  async run(invocation) {
    const { output, workingDirectory } = invocation.world;
    const state = path.resolve(workingDirectory, valueOf(invocation, "state") ?? "");
    const { storeURLGiven } = await import("../audit/store-url.ts");
    const url = storeURLGiven(invocation);
    if (url === undefined) {
      throw new UserError("InvalidOption", "it is not said where the trail goes", {
        next: "Give --audit-store-url-file FILE.",
      });
    }
    // Loaded when they are needed: a client of Postgres makes every command's start slower.
    const { moveTrail } = await import("#audit/store/move/move.ts");
    const { parseStoreAddress } = await import("#audit/store/postgres/address.ts");
    const { publicKeyGiven } = await import("../audit/public-key.ts");
    const moved = await moveTrail({
      state,
      address: parseStoreAddress(url),
      publicKey: publicKeyGiven(invocation),
      onMoved: progress((text) => output.note(text)),
    });
    const { report, heads, cursors, run } = moved;
    const { verdict, counts } = report;
    const next = nextSteps(state, moved);
    output.result({ run, verdict, ...counts, heads, cursors, findings: report.findings, next }, () =>
      [
        run === "there"
          ? "The trail is there already; nothing was changed."
          : `Moved and compared, row by row: ${counts.records} records, ${counts.sessions} sessions, ${heads} heads, ${cursors.length} sinks.`,
        `The trail is ${verdict}, as it was before${report.findings.length === 0 ? "." : ":"}`,
        ...report.findings.map(({ kind, detail }) => `  ${kind}: ${detail.replaceAll("\n", "\\n")}`),
        "Next:",
        ...next.map((step) => `  ${step}`),
      ].join("\n"),
    );
    return 0;
  },
};

/** Rows between two notes: some seconds' worth. */
const noteRows = 50_000;

function progress(note: (text: string) => void): (table: string, rows: number) => void {
  return (table, rows) => {
    if (rows % noteRows === 0) {
      note(`${table}: ${rows} rows`);
    }
  };
}

function nextSteps(state: string, { isOwnKey }: MoveReport): string[] {
  const key = shellWord(path.join(state, "heads-key.pem"));
  return [
    "start every replica with --audit-store-url-file, and this one with the same --state as before",
    isOwnKey
      ? `give all of them the key that signed: --head-key, with a copy of ${key}; or a new key, and the public part of that one with --head-former-keys`
      : "give all of them the --head-key of before; or a new key, and the public part of the old one with --head-former-keys",
    "sallyport audit verify",
    `keep ${shellWord(path.join(state, "audit"))} and ${shellWord(path.join(state, "heads"))}, apart from the store, as long as you keep records: they are as they were`,
  ];
}
