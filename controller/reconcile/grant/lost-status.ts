import type { Grant } from "#kinds/index.ts";
import type { AwsPorts } from "../../aws/ports.ts";
import { restoredStatus } from "../../source/cluster/restore.ts";
import type { Source } from "../../source/source.ts";
import { phaseOf } from "./phase.ts";
import { recoverGrants, type LookAround } from "./recovery.ts";

/**
 * Grants that have lost their status: their own tombstone stands, which comes after the record of what was approved, and there is
 * no such record. A cluster's etcd that was set back, or a status that somebody emptied, leaves them so.
 */
export function grantsWithLostStatus(source: Pick<Source, "list" | "tombstone">): readonly Grant[] {
  return source.list("Grant").flatMap(({ object }) => {
    const { namespace, name, uid } = object.metadata;
    const isUnapproved = ["New", "Pending"].includes(phaseOf(object));
    return isUnapproved && uid !== undefined && source.tombstone(namespace, name)?.uid === uid ? [object] : [];
  });
}

/**
 * Gives such Grants back what AWS remembers of them: their window, and their end where it had come. Those that AWS has forgotten stay
 * as they are, and are not given again. Answers how many got their status back. Asks AWS nothing where no status is lost.
 */
export async function restoreLostStatus(
  source: Pick<Source, "list" | "tombstone" | "writeStatus">,
  ports: AwsPorts,
  lookAround: LookAround,
): Promise<number> {
  const lost = grantsWithLostStatus(source);
  if (lost.length === 0) {
    return 0;
  }
  const remembered = new Map((await recoverGrants(ports, lookAround)).map(({ uid, status }) => [uid, status]));
  let restored = 0;
  for (const grant of lost) {
    const status = remembered.get(grant.metadata.uid ?? "");
    if (status !== undefined) {
      await source.writeStatus(grant, (own) => restoredStatus(own, status), { notify: true });
      restored += 1;
    }
  }
  return restored;
}
