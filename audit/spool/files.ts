import * as fs from "node:fs";

/** The file system as the spool uses it. Tests put failing devices in its place. */
export type SpoolFiles = Pick<
  typeof fs,
  | "mkdirSync"
  | "readdirSync"
  | "readFileSync"
  | "openSync"
  | "closeSync"
  | "readSync"
  | "writeSync"
  | "ftruncateSync"
  | "fsyncSync"
  | "fdatasync"
  | "fdatasyncSync"
  | "writevSync"
  | "writeFile"
  | "renameSync"
  | "rmSync"
>;

/** The machine's file system. */
export const systemFiles: SpoolFiles = fs;
