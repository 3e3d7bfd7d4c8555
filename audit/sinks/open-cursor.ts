import type { Log } from "#lib/log.ts";
import type { Cursor, CursorStore } from "./cursor.ts";
import type { SinkSource } from "./sink.ts";

export interface OpenCursorOptions {
  readonly name: string;
  readonly source: SinkSource<unknown>;
  readonly cursors: CursorStore;
  readonly from: "beginning" | "now";
  readonly newID: () => string;
  readonly log: Log;
}

/**
 * Where a sink goes on. A cursor that does not fit the store belongs to one that is gone, whose positions have begun again: everything is
 * then delivered from the oldest that there is, since nothing says what of it is there already.
 */
export async function openCursor({ name, source, cursors, from, newID, log }: OpenCursorOptions): Promise<Cursor> {
  const found = await cursors.read(name);
  if (found !== undefined && !(await isOfAnotherStore(found, source))) {
    return found;
  }
  if (found !== undefined) {
    log.error("the store was replaced; a sink begins again", { sink: name, position: found.position });
  }
  const beginning = async (): Promise<number> => ((await source.oldest?.()) ?? 1) - 1;
  const position = found === undefined && from === "now" ? await source.newest() : await beginning();
  const cursor: Cursor = { position, epoch: newID() };
  await cursors.write(name, cursor);
  return cursor;
}

async function isOfAnotherStore({ position, lastID }: Cursor, source: SinkSource<unknown>): Promise<boolean> {
  if (position > (await source.newest())) {
    return true;
  }
  if (lastID === undefined) {
    return false;
  }
  const [item] = (await source.read(position - 1, 1)).items;
  // Retention may have removed it, and a cursor may stand on what is not for this sink.
  return item?.position === position && item.id !== lastID;
}
