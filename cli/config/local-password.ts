import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import { writePrivateFile } from "#lib/private-file.ts";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";
import { configFile } from "./config.ts";

/** 192 random bits: nobody guesses them, and they fit into every client's field. */
const passwordBytes = 24;
/** Letters, digits, `-` and `_`: nothing that a shell, an address or an option file would read as something else. */
const passwordPattern = /^[\w-]{20,}$/;
/** Permission bits of everybody but the owner. */
const othersMask = 0o077;

/** `local-password` beside the configuration. */
export function localPasswordFile(world: World): string {
  return path.join(path.dirname(configFile(world)), "local-password");
}

/**
 * The password that this user's local ports demand where that is asked for: made once, and the same from then on so that connections saved
 * in other programs keep working. A file that others could read is an error, never used.
 */
export function localPassword(world: World): Secret {
  const file = localPasswordFile(world);
  const next = `Take the file away, and run the same command again: rm ${file}`;
  try {
    const text = readFileSync(file, "utf8").trim();
    // Windows has no such bits; there the profile's folder is the person's own.
    if (process.platform !== "win32" && (statSync(file).mode & othersMask) !== 0) {
      const why = "other users of this computer may read it";
      throw new UserError("LocalPasswordExposed", `the local password in ${file} is no secret`, { why, next });
    }
    if (!passwordPattern.test(text)) {
      const why = "it does not hold what sallyport wrote into it";
      throw new UserError("LocalPasswordUnreadable", `${file} holds no local password`, { why, next });
    }
    return new Secret(text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
  }
  const text = Buffer.from(world.random(passwordBytes)).toString("base64url");
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      // Another command has just made it.
      return localPassword(world);
    }
    throw error;
  }
  return new Secret(text);
}

/** A database on this computer that demands the password. */
export interface ProtectedDatabase {
  readonly isPostgres: boolean;
  readonly port: number;
  readonly databaseName: string;
  readonly username: string;
}

/**
 * Writes the file from which a client program takes the password without showing it: libpq's password file (PostgreSQL documentation, "The
 * Password File") with a line for this port, or an option file of MySQL's and MariaDB's programs. Answers its path.
 */
export function writePasswordFile(database: ProtectedDatabase, password: Secret, world: World): string {
  const folder = path.dirname(configFile(world));
  const file = path.join(folder, database.isPostgres ? "pgpass" : "my.cnf");
  const text = database.isPostgres
    ? withLine(readIfThere(file), database, password)
    : `[client]\npassword=${password.reveal()}\n`;
  writePrivateFile(file, text);
  return file;
}

/** The file with the line of this database in place of its last one. */
function withLine(before: string, { port, databaseName, username }: ProtectedDatabase, password: Secret): string {
  const field = (name: string): string => name.replaceAll(/[:\\]/g, String.raw`\$&`);
  const start = `127.0.0.1:${port}:${field(databaseName)}:${field(username)}:`;
  const others = before.split("\n").filter((line) => line !== "" && !line.startsWith(start));
  return `${[...others, start + password.reveal()].join("\n")}\n`;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
