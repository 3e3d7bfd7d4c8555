import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import { readExportLine } from "#audit/export/format.ts";
import { UserError } from "#lib/errors.ts";
import type { ExportedLine, PublicKey } from "#wire/control-api.ts";
import { type Command, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { signedIn } from "../signin/signed-in.ts";

/** `sallyport audit export` */
export const auditExport: Command = {
  name: "audit export",
  summary: "Take the audit trail out as it was recorded, with the signed heads that prove it",
  options: [
    { name: "grant", value: "GRANT", summary: "only this grant's sessions and events" },
    { name: "since", value: "TIME", summary: "only what was stored since then: RFC 3339, or 1d for the last day" },
    { name: "until", value: "TIME", summary: "only what was stored before then: RFC 3339, or 10m for 10 minutes ago" },
    { name: "to", value: "FILE", summary: "where to write it; the file appears when it is whole", required: true },
  ],
  examples: [
    { run: "sallyport audit export --to trail.jsonl", does: "everything, as JSON lines" },
    { run: "sallyport audit export --grant ada-orders --to grant.jsonl", does: "one grant's part" },
  ],
  async run(invocation) {
    const { world } = invocation;
    const file = path.resolve(world.workingDirectory, valueOf(invocation, "to") ?? "");
    const { filterOf, withIDs } = await import("../audit/filter.ts");
    const typed = filterOf(invocation);
    const written = await signedIn(world, async ({ control }) =>
      write(control, new URLSearchParams(await withIDs(control, typed, invocation)), file, world),
    );
    world.output.result(
      { file, ...written },
      () => `${written.records} records and ${written.heads} heads are in ${file}.`,
    );
    return 0;
  },
};

/** `sallyport audit public-key` */
export const auditPublicKey: Command = {
  name: "audit public-key",
  summary:
    "Show the public keys that the audit trail's heads are signed with; keep them where no operator can change them",
  options: [],
  examples: [{ run: "sallyport audit public-key > heads.pem", does: "what `audit verify --export` needs" }],
  async run({ world }) {
    const key = await signedIn(world, ({ control }) =>
      control.get<PublicKey>("/v1/audit/public-key", { signal: world.signal }),
    );
    world.output.result(key, () => key.publicKeyPEM.trimEnd());
    return 0;
  },
};

/** Writes beside the file and renames it at the end, so that a file of that name is never half an export. */
async function write(
  control: ControlClient,
  asked: URLSearchParams,
  file: string,
  { signal }: World,
): Promise<{ readonly heads: number; readonly records: number }> {
  const partial = `${file}.partial`;
  const out = createWriteStream(partial, { mode: 0o600 });
  const done = finished(out);
  done.catch(() => {});
  let last = "";
  for await (const { line } of control.stream<ExportedLine>(`/v1/audit/export?${asked}`, signal)) {
    if (line !== undefined) {
      last = line;
      if (!out.write(`${line}\n`)) {
        await Promise.race([once(out, "drain"), done]);
      }
    }
  }
  out.end();
  await done;
  const end = readExportLine(last);
  if (end?.kind !== "end") {
    throw new UserError("ExportCutOff", "the export ended before its last line", {
      why: "The controller gave up, or the connection was lost.",
      next: `Try again. What came is in ${partial}.`,
    });
  }
  await rename(partial, file);
  return { heads: end.end.heads, records: end.end.records };
}
