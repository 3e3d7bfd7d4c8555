/**
 * Whether the server runs what is in an executable comment: `digits` are those behind its mark, at most six, `forMariaDB` where
 * the mark says `M`.
 */
export type Runs = (digits: string, forMariaDB: boolean) => boolean;

/** Opening mark of an executable comment of MySQL or MariaDB, with its version. */
const executable = /\/\*(M?)!(\d{0,6})/g;
/** Different marks of one text: dumps have one or two in a statement. Texts with more are not read at all. */
const marksMax = 8;

/**
 * The ways in which servers may read the executable comments of one text: undefined for all of them as code. Which server reads it,
 * and of which version, is not sure: a pooler may greet with another version than its server's. `unreadable` where there would be too many.
 */
export function commentReadings(sql: string): readonly (Runs | undefined)[] | "unreadable" {
  if (!sql.includes("/*!") && !sql.includes("/*M!")) {
    return [undefined];
  }
  const marks = new Map<string, { readonly digits: string; readonly forMariaDB: boolean }>();
  for (const [mark, letter, digits = ""] of sql.matchAll(executable)) {
    marks.set(mark, { digits, forMariaDB: letter === "M" });
    if (marks.size > marksMax) {
      return "unreadable";
    }
  }
  const readings = new Map<string, Runs | undefined>();
  for (const runs of [...serversFor([...marks.values()].map(({ digits }) => digits)), () => false]) {
    const decisions = [...marks.values()].map(({ digits, forMariaDB }) => (runs(digits, forMariaDB) ? 1 : 0)).join("");
    readings.set(decisions, runs);
  }
  // Text inside of text may have versions of its own: for these all comments are code.
  readings.set("1".repeat(marks.size), undefined);
  return [...readings.values()];
}

/** Servers of every version that makes a difference. */
function serversFor(digits: readonly string[]): readonly Runs[] {
  return [5, 6].flatMap((width) => {
    const versions = digits.flatMap((each) => versionOf(each, width) ?? []);
    return [-1, ...versions].flatMap((server): Runs[] => {
      const reaches = (version: number | undefined): boolean => version === undefined || version <= server;
      return [
        (each, forMariaDB) => !forMariaDB && reaches(versionOf(each, width)),
        (each, forMariaDB) =>
          reaches(versionOf(each, width)) && (forMariaDB || !isForMySQLOnly(versionOf(each, width))),
        (each) => reaches(versionOf(each, width)),
      ];
    });
  });
}

/** Five or six digits are a version, fewer are code (MySQL manual, "Comments"). Servers before 8.0 read no more than five. */
function versionOf(digits: string, width: number): number | undefined {
  return digits.length < 5 ? undefined : Number(digits.slice(0, width));
}

/** MariaDB leaves out what is for MySQL from 5.7 on (MariaDB, "Comment Syntax"). */
const isForMySQLOnly = (version = 0): boolean => version >= 50_700 && version <= 99_999;

/** End of an executable comment that is not run, from behind its mark: unlike any other it may hold one more comment. −1 for none. */
export function skippedEnd(sql: string, from: number): number {
  for (let at = from; ;) {
    const close = sql.indexOf("*/", at);
    const open = sql.indexOf("/*", at);
    if (close < 0 || open < 0 || open > close) {
      return close < 0 ? -1 : close + 2;
    }
    const inner = sql.indexOf("*/", open + 2);
    if (inner < 0) {
      return -1;
    }
    at = inner + 2;
  }
}
