import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";
import type { FieldPath, Place, Position } from "./problem.ts";

/**
 * The position of the object at `base` in a YAML document (a `List` holds several).
 * @param file path that messages show
 */
export function positionIn(
  document: Document.Parsed,
  lines: LineCounter,
  file: string,
  base: FieldPath = [],
): Position {
  const at = (path: FieldPath, part: "key" | "value" = "value"): Place =>
    placeOf(lines, file, find(document, [...base, ...path], part));
  const own = at([]);
  return { ...own, at };
}

/** Line and column of a byte offset of the text that `lines` counted. */
export function placeOf(lines: LineCounter, file: string, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  // An offset before the first counted line (an empty text) has no place of its own.
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** Offset of the node at `path`, or of the last one on the way to it that is there. */
function find(document: Document.Parsed, path: FieldPath, part: "key" | "value"): number {
  let node = resolve(document, document.contents);
  let offset = startOf(document.contents) ?? document.range[0];
  for (const [index, step] of path.entries()) {
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = pairsOf(node).get(String(step));
      if (pair === undefined) {
        return offset;
      }
      const key = startOf(pair.key as Node);
      offset = (isLast && part === "key" ? key : (startOf(pair.value as Node | null) ?? key)) ?? offset;
      node = resolve(document, pair.value as Node | null);
    } else if (isSeq(node) && typeof step === "number") {
      const item = node.items[step] as Node | undefined;
      offset = startOf(item) ?? offset;
      node = resolve(document, item);
    } else {
      return offset;
    }
  }
  return offset;
}

const pairsByMap = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

/** Key → pair, kept for each map: a search for each of thousands of problems would be quadratic. */
function pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
  let pairs = pairsByMap.get(map);
  if (pairs === undefined) {
    pairs = new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])));
    pairsByMap.set(map, pairs);
  }
  return pairs;
}

function resolve(document: Document.Parsed, node: Node | null | undefined): Node | undefined {
  return isAlias(node) ? node.resolve(document) : (node ?? undefined);
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
