import type { KnownDifference } from "./document.ts";

const tooLarge =
  "A single message of more than 15 MiB is refused before any byte of it reaches the server, since it is held until it is on record.";

/** Cells of the matrix that are not ✓, and why: exactly these, so that one more fails the run, and one less too. */
export const mysqlDifferences: readonly KnownDifference[] = [
  { step: "very large parameter", verdict: "differs", why: tooLarge },
  {
    client: "mysql 9",
    server: "MariaDB 10.11",
    verdict: "only-through",
    why: "The mysql command line and mysqldump of MySQL 9 no longer have the login method of MariaDB's accounts; the proxy logs in for them, so they work.",
  },
  {
    client: "mysqldump 9",
    server: "MariaDB 10.11",
    verdict: "only-through",
    why: "The mysql command line and mysqldump of MySQL 9 no longer have the login method of MariaDB's accounts; the proxy logs in for them, so they work.",
  },
  {
    client: "mariadb-dump 10.11",
    server: "MySQL 9",
    step: "bulk in",
    verdict: "fails-directly",
    why: "MySQL 9 does not read the triggers that mariadb-dump writes, with and without the proxy.",
  },
];
