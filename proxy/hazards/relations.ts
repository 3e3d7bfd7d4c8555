import { isMark, nameAt, wordAt, type NameToken } from "./tokens.ts";

/** A relation that a statement reads: its name and the schema before it. */
export interface RelationName {
  readonly schema: string | undefined;
  readonly name: string;
}

interface Frame {
  /** In a FROM list, where a comma brings the next relation. */
  isList: boolean;
  /** The next name is a relation. */
  isExpected: boolean;
}

/** Begin a list of relations. */
const listWords: ReadonlySet<string> = new Set(["from", "using"]);
/** Come before one relation. */
const joinWords: ReadonlySet<string> = new Set(["join", "straight_join"]);
/** May stand between FROM, JOIN, TABLE or COPY and the name. */
const passWords: ReadonlySet<string> = new Set(["only", "lateral", "binary"]);
/** End a FROM list. */
const endWords: ReadonlySet<string> = new Set(
  "where group order having limit offset fetch for window union intersect except returning set select values into when".split(
    " ",
  ),
);
/** Of these, words that may be the name of a relation or its alias too, so that they do not end a list. */
const aliasWords: ReadonlySet<string> = new Set(["set", "values"]);
/** Before TABLE where it is not the command that reads a whole table. */
const tableWords: ReadonlySet<string> = new Set(
  "create alter drop lock truncate on temp temporary unlogged foreign local global if exists repair check optimize analyze".split(
    " ",
  ),
);

/**
 * Relations in reading position: after FROM, JOIN, TABLE and COPY, and after the commas of a FROM list, however deep in brackets.
 * `isBare`: the text may itself be the name of a relation.
 */
export function readRelations(tokens: readonly NameToken[], isBare = false): RelationName[] {
  const found: RelationName[] = [];
  const frames: Frame[] = [{ isList: isBare, isExpected: isBare }];
  for (let index = 0; index < tokens.length; index += 1) {
    const frame = frames.at(-1) ?? { isList: false, isExpected: false };
    const token = tokens[index];
    if (isMark(tokens, index, "(")) {
      frames.push({ isList: frame.isExpected, isExpected: frame.isExpected });
    } else if (isMark(tokens, index, ")")) {
      frames.pop();
      const around = frames.at(-1);
      if (around === undefined) {
        frames.push({ isList: false, isExpected: false });
      } else {
        around.isExpected = false;
      }
    } else if (isMark(tokens, index, ",")) {
      frame.isExpected = frame.isList;
    } else if (token?.kind === "word" && takeWord(frame, token.text, tokens, index)) {
      continue;
    } else if (frame.isExpected && nameAt(tokens, index) !== undefined) {
      frame.isExpected = false;
      index = takeName(tokens, index, found);
    }
  }
  return found;
}

/** Returns whether the word is one that is no name here. */
function takeWord(frame: Frame, word: string, tokens: readonly NameToken[], index: number): boolean {
  // A quoted or qualified one is a name.
  if (isMark(tokens, index - 1, ".")) {
    return false;
  }
  if (listWords.has(word)) {
    frame.isList = true;
    frame.isExpected = true;
    return true;
  }
  if (joinWords.has(word)) {
    frame.isExpected = true;
    return true;
  }
  if (word === "table" && !namesTable(tokens, index)) {
    frame.isExpected = true;
    return true;
  }
  if (word === "copy" && index === 0) {
    frame.isExpected = true;
    return true;
  }
  if (endWords.has(word) && !isMark(tokens, index + 1, ".") && !mayBeAlias(frame, word, tokens, index)) {
    frame.isList = false;
    frame.isExpected = false;
    return true;
  }
  return frame.isExpected && passWords.has(word);
}

/** Whether TABLE at `index` is not the command. Behind INTO, AS and a point the word before it is a name: `insert into temp table t`. */
function namesTable(tokens: readonly NameToken[], index: number): boolean {
  const before = wordAt(tokens, index - 2);
  const isName = before === "into" || before === "as" || isMark(tokens, index - 2, ".");
  return tableWords.has(wordAt(tokens, index - 1) ?? "") && !isName;
}

/** `from t set, u` and `from values, u`: in a list they are commands only where a bracket opens before, `(values …)`. */
function mayBeAlias(frame: Frame, word: string, tokens: readonly NameToken[], index: number): boolean {
  return frame.isList && aliasWords.has(word) && !isMark(tokens, index - 1, "(");
}

/** Reads `a.b.c` and returns the index of its last part. */
function takeName(tokens: readonly NameToken[], start: number, found: RelationName[]): number {
  let index = start;
  let schema: string | undefined;
  let name = nameAt(tokens, index) ?? "";
  while (isMark(tokens, index + 1, ".") && nameAt(tokens, index + 2) !== undefined) {
    schema = name;
    index += 2;
    name = nameAt(tokens, index) ?? "";
  }
  found.push({ schema, name });
  return index;
}
