import { isAlias, isNode, isScalar, visit, type Document, type LineCounter, type Pair, type YAMLMap } from "yaml";
import { ambiguity } from "./ambiguous.ts";
import { placeOf } from "./place.ts";
import type { Problem } from "./problem.ts";

/**
 * What is YAML but must not stand in a manifest: plain scalars that readers disagree on, keys that are not text, and keys
 * that stand twice. (The parser's own check of double keys compares each with each: minutes for a file of 90,000 keys.)
 */
export function scalarProblems(document: Document.Parsed, lines: LineCounter, file: string): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (node: unknown, path: string, message: string): void => {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : document.range[0];
    problems.push({ ...placeOf(lines, file, offset), path, message, severity: "error" });
  };
  visit(document, {
    Map: (_, map, ancestors) => {
      for (const key of repeatedKeys(map)) {
        report(key, join(pathOf(ancestors, map), String(key.value)), "must not be given twice");
      }
    },
    Pair: (_, pair) => {
      if (!isScalar(pair.key) || typeof pair.key.value !== "string") {
        report(
          isScalar(pair.key) || isAlias(pair.key) ? pair.key : undefined,
          "",
          "must have keys that are text; put the key in quotes",
        );
      }
    },
    Scalar: (_, scalar, ancestors) => {
      const why = scalar.type === "PLAIN" && scalar.tag === undefined ? ambiguity(scalar.source ?? "") : undefined;
      if (why !== undefined) {
        report(scalar, pathOf(ancestors, scalar), `must not be unquoted ${String(scalar.source)}: it ${why}`);
      }
    },
  });
  return problems;
}

function repeatedKeys(map: YAMLMap): readonly { readonly value: unknown }[] {
  const seen = new Set<unknown>();
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key)) {
      return [];
    }
    const isRepeated = seen.has(key.value);
    seen.add(key.value);
    return isRepeated ? [key] : [];
  });
}

/** Names of the keys above a node, for messages: indexes are left out where the place already tells them. */
function pathOf(ancestors: readonly unknown[], node: unknown): string {
  let path = "";
  for (const ancestor of ancestors) {
    const { key } = ancestor as Partial<Pair>;
    if (isScalar(key) && key !== node) {
      path = join(path, String(key.value));
    }
  }
  return path;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
