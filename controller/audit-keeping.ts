import { StoredTrail } from "#audit/event/stored-trail.ts";
import { HeadLog } from "#audit/heads.ts";
import { loadSigningKey } from "#audit/signing-key.ts";
import { AuditStore } from "#audit/store/store.ts";
import { replicaID, trailPaths } from "#audit/trail-directory.ts";
import type { AuditKeeping } from "./serve/audit-trail.ts";
import { findGrant } from "./source/grant-by-id.ts";
import type { Source } from "./source/source.ts";
import type { ControllerWorld } from "./world.ts";

/** Opens this replica's audit trail, in its own state directory. `onFailed` hears of a failure that leaves nothing to be stored any more. */
export async function openAudit(
  { options, clock, log }: ControllerWorld,
  source: Source,
  onFailed: (error: Error) => void,
): Promise<AuditKeeping> {
  const paths = trailPaths(options.state);
  const store = await AuditStore.open({ path: paths.store, clock, onFailed });
  const { heads: headsDirectory } = paths;
  const key = loadSigningKey(paths.key);
  const { installation } = options;
  const heads = await HeadLog.open({
    directory: headsDirectory,
    privateKey: key.privateKey,
    installation,
    clock,
    onFailed,
  });
  // What was stored just before the last process died may not have been signed yet.
  for (const head of await store.heads()) {
    heads.note(head);
  }
  const replica = replicaID(paths.replica);
  const trail = new StoredTrail({ store, installation, replica, clock, onStored: (head) => heads.note(head) });
  return {
    store,
    heads,
    trail,
    headsDirectory,
    publicKeyPEM: key.publicKeyPEM,
    log,
    proxyOfGrant: (grantID) => {
      const grant = findGrant(source, grantID);
      const proxy = grant?.status?.target?.proxy;
      return proxy === undefined ? undefined : `${grant?.metadata.namespace}/${proxy}`;
    },
    databaseKey: (name) => {
      const found = source.list("Database").find(({ object }) => object.metadata.name === name)?.object.metadata;
      return `${found?.namespace ?? "default"}/${name}`;
    },
  };
}
