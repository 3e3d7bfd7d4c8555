import { createHash, randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { readManifest } from "#controller/source/folder/manifest.ts";
import { newRow, withStatus } from "#controller/source/folder/rows.ts";
import { openState, stateFile } from "#controller/state/sqlite.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { Installation } from "#test/harness/installation.ts";

/** A file of Grants, as it stands in the folder. */
export interface GrantFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Puts Grants into the folder and into the state of a controller that does not run, each with the status of the Grant `template`:
 * thousands that have ended, without the hours that AWS would have taken over giving and taking them.
 */
export function seedEnded(installation: Installation, files: readonly GrantFile[], template: string): void {
  const state = openState(installation.stateDirectory);
  try {
    const ended = state.load().objects.find(({ object }) => object.metadata.name === template)?.object.status;
    for (const { name, text } of files) {
      installation.writeManifest(name, text);
      const { entries } = readManifest(name, "", Buffer.from(text), "default");
      const put = entries.flatMap(({ object, digest, position }) => {
        const uid = randomUUID();
        const origin = { via: "file", file: name, line: position.line } as const;
        const row = object === undefined ? undefined : newRow(object, digest, origin, uid, Date.now());
        return row === undefined ? [] : [withStatus(row, { ...ended, grantID: grantIDOf(uid) })];
      });
      state.write({ put });
    }
  } finally {
    state.close();
  }
}

/** Digest of every object in a controller's state, by key: what differs between two was written meanwhile. */
export function stateDigests(installation: Installation): ReadonlyMap<string, string> {
  const db = new DatabaseSync(stateFile(installation.stateDirectory), { readOnly: true });
  try {
    return new Map(
      db
        .prepare("SELECT kind || '/' || namespace || '/' || name AS key, object FROM object")
        .all()
        .map((row) => [String(row["key"]), createHash("sha256").update(String(row["object"])).digest("base64")]),
    );
  } finally {
    db.close();
  }
}
