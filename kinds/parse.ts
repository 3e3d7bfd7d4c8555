import { LineCounter, parseAllDocuments, type Document } from "yaml";
import { apiVersion, kinds } from "./generated/schemas.ts";
import { placeOf, positionIn } from "./place.ts";
import { problemAt, problemsMax, type Position, type Problem } from "./problem.ts";
import { scalarProblems } from "./scalars.ts";
import { checkType } from "./validate.ts";

/**
 * Largest file that is read, in bytes. A Grant takes about 500 bytes, so this is about 2,000 Grants in one file; it keeps the
 * time that one file can hold up a scan of the folder under a second or so.
 */
export const manifestBytesMax = 1024 * 1024;

/** Most aliases that a document may resolve to, counted with their repetition (yaml's `maxAliasCount`): stops alias bombs. */
export const aliasCountMax = 100;

/**
 * Deepest nesting of brackets in a text. Objects are refused beyond `depthMax` anyway; this stops the recursive YAML
 * composer from exhausting the stack on a text that is nothing but brackets.
 */
export const bracketDepthMax = 200;

/** Most objects of one `List`. A file of the largest size has room for about as many small objects. */
export const listItemsMax = 10_000;

/** One object of a file: plain data with a known kind and version, not yet validated. */
export interface ManifestDocument {
  readonly object: unknown;
  readonly position: Position;
}

/** What a file held, and what was wrong with it. Documents beside a broken one are still given. */
export interface Manifests {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the objects of a YAML (1.2) or JSON file: several documents, `List` kinds, anchors. Duplicate keys, ambiguous plain
 * scalars, unknown tags, unknown kinds and versions are problems, each with its place. Never throws.
 * @param source the text, or its bytes as read from disk (UTF-8)
 * @param file path that messages show
 */
export function parseManifests(source: string | Uint8Array, file: string): Manifests {
  const bytes = typeof source === "string" ? Buffer.byteLength(source) : source.byteLength;
  if (bytes > manifestBytesMax) {
    return failed(file, 1, `must be at most ${manifestBytesMax} bytes, found ${bytes}; split the file`);
  }
  const text = typeof source === "string" ? source : decode(source);
  if (text === undefined) {
    return failed(file, 1, "must be UTF-8 text");
  }
  const deepLine = tooDeepLine(text);
  if (deepLine !== undefined) {
    return failed(file, deepLine, `must not be nested deeper than ${bracketDepthMax} levels`);
  }
  try {
    return parseText(text, file);
  } catch {
    // Composer and visitor recurse: a text that is nested deep enough without brackets exhausts the stack.
    return failed(file, 1, tooDeep);
  }
}

function parseText(text: string, file: string): Manifests {
  const lines = new LineCounter();
  const result: Collected = { documents: [], problems: [] };
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    version: "1.2",
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    takeDocument(document, lines, file, result);
    if (result.problems.length >= problemsMax) {
      break;
    }
  }
  return result;
}

interface Collected {
  readonly documents: ManifestDocument[];
  readonly problems: Problem[];
}

function takeDocument(document: Document.Parsed, lines: LineCounter, file: string, result: Collected): void {
  const broken = syntaxProblems(document, lines, file);
  const found = broken.length > 0 ? broken : scalarProblems(document, lines, file);
  if (found.length > 0) {
    result.problems.push(...found.slice(0, problemsMax));
    return;
  }
  const position = positionIn(document, lines, file);
  const value = toPlain(document);
  if ("problem" in value) {
    result.problems.push(problemAt(position, [], value.problem));
    return;
  }
  if (value.plain === null || value.plain === undefined) {
    return;
  }
  const list = listItems(value.plain);
  if (list === undefined) {
    takeObject(value.plain, position, result);
  } else if (Array.isArray(list.items)) {
    for (const [index, item] of list.items.slice(0, listItemsMax).entries()) {
      takeObject(item, positionIn(document, lines, file, ["items", index]), result);
    }
    if (list.items.length > listItemsMax) {
      result.problems.push(
        problemAt(position, ["items"], `must have at most ${listItemsMax} entries, found ${list.items.length}`),
      );
    }
  } else {
    result.problems.push(problemAt(position, ["items"], "must be a list of objects"));
  }
}

function takeObject(object: unknown, position: Position, { documents, problems }: Collected): void {
  const strangers = checkType(object, position);
  problems.push(...strangers);
  if (strangers.length === 0) {
    documents.push({ object, position });
  }
}

/** The items of `kind: List` or `kind: GrantList` and its like; undefined where `value` is no list. */
function listItems(value: unknown): { readonly items: unknown } | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("apiVersion" in value)) {
    return undefined;
  }
  const isCoreList = value.kind === "List" && value.apiVersion === "v1";
  const isKindList = kinds.some((kind) => value.kind === `${kind}List`) && value.apiVersion === apiVersion;
  return isCoreList || isKindList ? { items: "items" in value ? value.items : undefined } : undefined;
}

function syntaxProblems(document: Document.Parsed, lines: LineCounter, file: string): readonly Problem[] {
  if (document.errors.some(({ message }) => message.startsWith("Maximum call stack"))) {
    const place = placeOf(lines, file, document.range[0]);
    return [{ ...place, path: "", message: tooDeep, severity: "error" }];
  }
  // A warning of the parser is an unknown tag or directive: a value that would silently become something else.
  return [...document.errors, ...document.warnings].map((error) => {
    const message = words[error.code] ?? `is not YAML: ${firstLine(error.message)}`;
    return { ...placeOf(lines, file, error.pos[0]), path: "", message, severity: "error" };
  });
}

const tooDeep = "must not be nested so deeply";

const words: { readonly [code: string]: string } = {
  TAB_AS_INDENT: "must be indented with spaces, found a tab",
  MULTILINE_IMPLICIT_KEY: "is not YAML: a key must be on one line, followed by `:`; is a `:` or a quote missing?",
  TAG_RESOLVE_FAILED: "has a tag (`!…`) that is not known; remove it",
};

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function toPlain(document: Document.Parsed): { readonly plain: unknown } | { readonly problem: string } {
  try {
    return { plain: document.toJS({ maxAliasCount: aliasCountMax }) as unknown };
  } catch {
    return { problem: `must not use an alias before its anchor, nor aliases that grow to more than ${aliasCountMax}` };
  }
}

/** The first line that lies deeper in flow brackets than the limit; strings and comments are not told apart. */
function tooDeepLine(text: string): number | undefined {
  let depth = 0;
  let line = 1;
  for (const character of text) {
    if (character === "\n") {
      line += 1;
    } else if (character === "[" || character === "{") {
      depth += 1;
    } else if (character === "]" || character === "}") {
      depth = Math.max(depth - 1, 0);
    }
    if (depth > bracketDepthMax) {
      return line;
    }
  }
  return undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function failed(file: string, line: number, message: string): Manifests {
  return { documents: [], problems: [{ file, line, column: 1, path: "", message, severity: "error" }] };
}
