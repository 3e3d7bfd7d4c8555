/** A place in a file. Line and column count from 1; both are 0 where the place is not known. */
export interface Place {
  /** Path as the caller gave it; empty where the object did not come from a file. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Way to a field: property names, and indexes of lists. */
export type FieldPath = readonly (string | number)[];

/** Tells where in a file the fields of one object stand. It keeps the parsed file alive: do not hold it for long. */
export interface Position extends Place {
  /** Place of the value (or of the key) at `path`; of the nearest field around it where it is not there. */
  at(path: FieldPath, part?: "key" | "value"): Place;
}

/** Something about an object that a person must correct, and where. */
export interface Problem extends Place {
  /** The field, such as `spec.roles[0].name`; empty for the whole document. */
  readonly path: string;
  /** What was expected and what was found, to be read after the path: `must be …, found …`. */
  readonly message: string;
  /** The CEL rule that was broken, where it was one. */
  readonly rule?: string;
  /** An object with an error is refused; one with only warnings is taken. */
  readonly severity: "error" | "warning";
}

/** Most problems that are looked for in one file or object: a person fixes the first ones and looks again. */
export const problemsMax = 100;

/** The position of an object that did not come from a file. */
export const nowhere: Position = { file: "", line: 0, column: 0, at: () => ({ file: "", line: 0, column: 0 }) };

/** A problem at `path`, placed by `position`. */
export function problemAt(
  position: Position,
  path: FieldPath,
  message: string,
  options: { readonly part?: "key" | "value"; readonly rule?: string; readonly severity?: "error" | "warning" } = {},
): Problem {
  const { file, line, column } = position.at(path, options.part ?? "value");
  const severity = options.severity ?? "error";
  const base = { file, line, column, path: formatPath(path), message, severity };
  return options.rule === undefined ? base : { ...base, rule: options.rule };
}

/** `file:line:column: path: message`, leaving out what is not known. Control characters are shown, never sent to a terminal. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const severity = problem.severity === "warning" ? "warning" : "";
  return visible([place, severity, problem.path, problem.message].filter((part) => part !== "").join(": "));
}

/** `spec.roles[0].name`; a key that is not a plain word stands in brackets, as Kubernetes writes it. */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "string" && /^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) {
      text += text === "" ? step : `.${step}`;
    } else {
      text += `[${String(step)}]`;
    }
  }
  return text;
}

/** What was found, for the end of a message. Long text is cut. */
export function describeValue(value: unknown): string {
  if (value === null) {
    return "null (an empty value)";
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? "an empty list" : "a list";
  }
  switch (typeof value) {
    case "undefined":
      return "nothing";
    case "string":
      return JSON.stringify(shorten(value));
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      return "an object";
    default:
      return `a ${typeof value}`;
  }
}

/** Longest piece of a found value that a message repeats, in characters: enough to recognise it, short enough for one line. */
export const foundTextMax = 60;

function shorten(text: string): string {
  return text.length <= foundTextMax ? text : `${text.slice(0, foundTextMax - 1)}…`;
}

/** Control and format characters (terminal escapes, bidirectional overrides) become `\u{…}`. */
function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
