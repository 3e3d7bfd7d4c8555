import type { AnyObject, ObjectKey } from "#kinds/index.ts";

/** Where the text of an object is. */
export type Origin =
  /** A file of the folder, with the line at which the object begins. */
  | { readonly via: "file"; readonly file: string; readonly line: number }
  /** Made through the control API: the state is the only place that has it. */
  | { readonly via: "api" }
  /** Given back by AWS after the state was lost; its spec is a stand-in until a file tells the real one. */
  | { readonly via: "recovered" };

/** One object as the state keeps it. */
export interface ObjectRow {
  /** As last accepted, with all metadata and status. */
  readonly object: AnyObject & { readonly metadata: { readonly uid: string; readonly generation: number } };
  /** `specDigest` of its spec. */
  readonly digest: string;
  readonly origin: Origin;
}

/** A tombstone as the state keeps it; see `Tombstone` of the source. */
export interface TombstoneRow {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly specDigest: string;
  /** RFC 3339. */
  readonly notAfterTime: string;
}

/** Changes that are made together or not at all. */
export interface StateChanges {
  readonly put?: readonly ObjectRow[];
  readonly remove?: readonly ObjectKey[];
}

/** Durable memory of the folder source. Writes are on the disk when they return; they throw where they are not. */
export interface State {
  /** Everything there is; called once. */
  load(): { readonly objects: readonly ObjectRow[]; readonly tombstones: readonly TombstoneRow[] };
  write(changes: StateChanges): void;
  putTombstone(tombstone: TombstoneRow): void;
  /** Forgets the tombstone that has this name and digest. */
  dropTombstone(tombstone: TombstoneRow): void;
  /** Remembers that a controller has started on this state: it is blank no more. */
  markStarted(): void;
  close(): void;
}
