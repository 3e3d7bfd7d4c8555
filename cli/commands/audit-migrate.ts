import path from "node:path";
import { UserError } from "#lib/errors.ts";
import { type Command, type Invocation, valueOf } from "../command.ts";

/** `sallyport audit migrate` */
export const auditMigrate: Command = {
  name: "audit migrate",
  summary: "Bring an audit store to another release's schema, before that release is run; the controller must not run",
  options: [
    { name: "state", value: "DIR", summary: "the state directory whose store it is" },
    {
      name: "audit-store-url-file",
      value: "FILE",
      summary: "file with the URL of a store in Postgres (or SALLYPORT_AUDIT_STORE_URL)",
    },
    {
      name: "to",
      value: "VERSION",
      summary: "the schema that the other release knows; it names it when it refuses",
      required: true,
    },
  ],
  examples: [
    {
      run: "sallyport audit migrate --state /var/lib/sallyport --to 3",
      does: "go back, with the newer release's program",
    },
  ],
  async run(invocation) {
    const { output } = invocation.world;
    // Loaded when it is needed: a client of Postgres makes every command's start slower.
    const { migrateStore, storeVersions } = await import("#audit/store/migrate.ts");
    const place = await placeOf(invocation);
    const newest = "path" in place ? storeVersions.sqlite : storeVersions.postgres;
    const to = Number(valueOf(invocation, "to"));
    if (!Number.isInteger(to) || to < 1 || to > newest) {
      throw new UserError("InvalidOption", `--to must be a whole number from 1 to ${newest}`);
    }
    const from = await migrateStore(place, to);
    output.result({ from, to }, () => `The audit store has schema ${to} now; it had ${from}.`);
    return 0;
  },
};

async function placeOf(invocation: Invocation): Promise<{ readonly path: string } | { readonly url: string }> {
  const state = valueOf(invocation, "state");
  if (state !== undefined) {
    return { path: path.resolve(invocation.world.workingDirectory, state) };
  }
  const { storeURLGiven } = await import("../audit/store-url.ts");
  const url = storeURLGiven(invocation);
  if (url === undefined) {
    throw new UserError("InvalidOption", "it is not said which audit store", {
      next: "Give --state DIR, or --audit-store-url-file FILE.",
    });
  }
  return { url };
}
