import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { type SpoolFiles, systemFiles } from "#audit/spool/files.ts";

/** A device that becomes full, and can be given room. */
export interface SmallDevice {
  /** How its files are written. */
  readonly files: SpoolFiles;
  /** Gives it room enough for everything. */
  readonly grow: () => void;
  readonly remove: () => void;
}

/** One of `bytes` in `directory`: a real one where this account may mount it, otherwise files that refuse to grow. */
export function smallDevice(directory: string, bytes: number): SmallDevice {
  return mountedDevice(directory, bytes) ?? refusingDevice(bytes);
}

function mountedDevice(directory: string, bytes: number): SmallDevice | undefined {
  const options = ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory];
  if (process.getuid?.() !== 0 || spawnSync("mount", options).status !== 0) {
    return undefined;
  }
  const unmount = (): void => void spawnSync("umount", ["--lazy", directory]);
  process.once("exit", unmount);
  return {
    files: systemFiles,
    grow: () => void spawnSync("mount", ["-o", "remount,size=16m", directory]),
    remove() {
      process.removeListener("exit", unmount);
      unmount();
    },
  };
}

/** What a full device does to a write: no file grows any more. */
export function refusingDevice(bytes: number): SmallDevice {
  let left = bytes;
  const writeSync = (fd: number, data: Uint8Array, offset: number, length: number, position: number): number => {
    const growth = Math.max(0, position + length - fs.fstatSync(fd).size);
    if (growth > left) {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    }
    left -= growth;
    return fs.writeSync(fd, data, offset, length, position);
  };
  return {
    files: { ...systemFiles, writeSync: writeSync as typeof fs.writeSync },
    grow: () => (left = Infinity),
    remove: () => {},
  };
}
