/** How far one sink is. Positions up to `position` are confirmed; nothing between is left out. */
export interface Cursor {
  readonly position: number;
  /** Identifier of the item at `position`, by which a store that was replaced is noticed. Absent where nothing was delivered yet. */
  readonly lastID?: string;
  /**
   * Last position of a batch whose delivery has begun. After a crash the same batch is delivered again, so that a destination that names
   * batches by their positions sees the same name.
   */
  readonly pendingUpTo?: number;
  /** Random name of this sequence of positions; a new one when the store was replaced and positions begin again. */
  readonly epoch: string;
}

/** Where cursors are kept, apart from the destinations. What it keeps survives a crash of the machine. */
export interface CursorStore {
  /** Undefined for a sink that never ran. Rejects where it cannot be known: then nothing may be delivered. */
  read(sink: string): Promise<Cursor | undefined>;
  /** Resolves when it is durable. */
  write(sink: string, cursor: Cursor): Promise<void>;
}

/** Keeps cursors in memory, for tests. */
export function memoryCursors(): CursorStore & { readonly cursors: Map<string, Cursor> } {
  const cursors = new Map<string, Cursor>();
  return {
    cursors,
    read: (sink) => Promise.resolve(cursors.get(sink)),
    write: (sink, cursor) => {
      cursors.set(sink, cursor);
      return Promise.resolve();
    },
  };
}
