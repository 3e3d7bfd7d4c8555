import { existsSync } from "node:fs";
import path from "node:path";
import { UserError } from "#lib/errors.ts";

/** Programs that are measured or measure, with the Debian package that brings each. */
const packages = {
  pgbench: "postgresql-contrib (or postgresql-15)",
  pgbouncer: "pgbouncer",
  haproxy: "haproxy",
  sysbench: "sysbench",
  mariadbd: "mariadb-server",
} as const;

export type Program = keyof typeof packages;

/** The program's file, on PATH or in one of the places where distributions put servers. Throws `UserError` that says what to install. */
export function findProgram(name: Program): string {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
  const file = folders.map((folder) => path.join(folder, name)).find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new UserError("ProgramMissing", `The bench needs ${name}, which is not on PATH nor in /usr/sbin.`, {
      why: "Ratios against a system that is not there would be invented.",
      next: `Install the package ${packages[name]}; set-up for tests brings it as well.`,
    });
  }
  return file;
}
