import { shellWord } from "#lib/shell-word.ts";
import type { GrantView } from "#wire/control-api.ts";

/** The command that connects to a role of a database, ready to paste into a shell. */
export function proxyCommand({ database, role }: Pick<GrantView, "database" | "role">): string {
  return `sallyport rds proxy --database ${shellWord(database)} --role ${shellWord(role)}`;
}
