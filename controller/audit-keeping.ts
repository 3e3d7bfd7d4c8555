import { StoredTrail } from "#audit/event/stored-trail.ts";
import { exportTrail } from "#audit/export/write.ts";
import type { HeadSigner } from "#audit/head-line.ts";
import { HeadFile, SharedHeads } from "#audit/head-place.ts";
import { HeadLog } from "#audit/heads.ts";
import { loadSigningKey, readSigningKey } from "#audit/signing-key.ts";
import { AuditStore } from "#audit/store/store.ts";
import { replicaID, trailPaths } from "#audit/trail-directory.ts";
import { pause } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { AuditOptions } from "./audit-options.ts";
import { RetentionHold } from "./audit-retention-hold.ts";
import { showRetention } from "./metrics/audit.ts";
import type { AuditKeeping } from "./serve/audit-trail.ts";
import { findGrant } from "./source/grant-by-id.ts";
import type { Source } from "./source/source.ts";
import type { ControllerWorld } from "./world.ts";

/** Pause before a store that does not answer is asked again, in milliseconds. */
const retryMs = 2_000;

/**
 * Opens the audit trail: in this replica's own state directory, or in the Postgres that all replicas share. `onFailed` hears of a failure
 * that leaves nothing to be stored any more.
 */
export async function openAudit(
  world: ControllerWorld,
  source: Source,
  onFailed: (error: Error) => void,
): Promise<AuditKeeping> {
  const { options, clock, log } = world;
  const { installation, audit } = options;
  const paths = trailPaths(options.state);
  const place = audit.store === undefined ? { path: paths.store } : { postgres: audit.store };
  const signer = await signerOf(audit, paths.key);
  const store = await AuditStore.open({ ...place, clock, onFailed });
  const own = await HeadFile.open(audit.store === undefined ? paths.heads : paths.sharedHeads);
  const shared = audit.store === undefined ? undefined : new SharedHeads(store, own);
  const onDelayed = (error: Error): void => log.error("a head of the audit trail could not be signed yet", { error });
  const isLocal = shared === undefined && audit.headKey?.kind !== "kms";
  const heads = new HeadLog({
    place: shared ?? own,
    signer,
    installation,
    clock,
    onFailed,
    // A disk that takes no head takes no records either; a service that does not answer comes back.
    ...(isLocal ? {} : { onDelayed }),
  });
  if (shared === undefined) {
    await heads.reload();
    // What was stored just before this process ended the last time; nobody else can sign it, whether or not this one will lead.
    for (const head of await store.heads()) {
      heads.note(head);
    }
  }
  const replica = replicaID(paths.replica);
  const retentionHold = new RetentionHold();
  if (world.telemetry !== undefined) {
    showRetention(world.telemetry.registry, retentionHold);
  }
  const trail = new StoredTrail({ store, installation, replica, clock, onStored: (head) => heads.noteNow(head) });
  return {
    store,
    heads,
    trail,
    headLines: () => (shared ?? own).lines(),
    ownHeadLines: () => own.lines(),
    headReader: shared ?? own,
    keyID: signer.keyID,
    exportTrail: (scope) =>
      exportTrail(
        {
          installation,
          store,
          flush: () => heads.flush(),
          headLines: () => (shared ?? own).lines(),
          now: () => clock.now(),
        },
        scope,
      ),
    publicKeyPEM: `${signer.publicKeyPEM}${audit.formerKeys}`,
    log,
    retentionHold,
    begin: (signal) => begin(world, { store, heads, replica, signal }),
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

async function signerOf({ headKey }: AuditOptions, ownKey: string): Promise<HeadSigner> {
  if (headKey?.kind === "kms") {
    // Loaded where it is needed: most installations have a key in a file.
    const { kmsSigner } = await import("#audit/signing-key-kms.ts");
    return kmsSigner(headKey.keyARN);
  }
  return headKey === undefined ? loadSigningKey(ownKey) : readSigningKey(headKey.path);
}

interface Beginning {
  readonly store: AuditStore;
  readonly heads: HeadLog;
  readonly replica: string;
  readonly signal: AbortSignal;
}

/**
 * Takes the trail over. Where a shared store does not answer, the controller goes on without: what it takes away, it must take away now.
 * Until the store answers, proxies keep their records and what has to be recorded first is refused.
 */
async function begin({ clock, log }: ControllerWorld, beginning: Beginning): Promise<void> {
  try {
    await takeOver(beginning);
  } catch (error) {
    if (error instanceof UserError) {
      throw error;
    }
    log.error("the audit store does not answer", { error: coerceError(error) });
    void tryAgain(beginning, clock, log);
  }
}

async function tryAgain(
  beginning: Beginning,
  clock: ControllerWorld["clock"],
  log: ControllerWorld["log"],
): Promise<void> {
  const { signal } = beginning;
  while (!signal.aborted) {
    await pause(clock, retryMs, signal).catch(() => {});
    try {
      await takeOver(beginning);
      log.info("the audit store answers");
      return;
    } catch (error) {
      log.debug("the audit store does not answer yet", { error: coerceError(error) });
    }
  }
}

async function takeOver({ store, heads, replica }: Beginning): Promise<void> {
  await store.claim(replica);
  await heads.reload();
  // What was stored just before the last writer ended may not have been signed yet.
  for (const head of await store.heads()) {
    heads.note(head);
  }
}
