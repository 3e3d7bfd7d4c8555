/** What a form of the query protocol unfolds to. */
export type FormValue = string | FormValue[] | { [name: string]: FormValue };

/** Deepest nesting of a parameter name, such as `Filters.Filter.1.Values.Value.1` (6); the models of our services need no more than 8. */
export const formDepthMax = 8;

/**
 * Unfolds the query protocol's flat names: `Tags.member.1.Key=a` becomes `{Tags: [{Key: "a"}]}`. A level whose names are all
 * numbers is a list, whatever its wrapper is called. Returns undefined when a name is nested too deeply or clashes with another.
 */
export function unfold(pairs: readonly (readonly [string, string])[]): Record<string, FormValue> | undefined {
  const root: Tree = new Map();
  for (const [name, value] of pairs) {
    const path = name.split(".");
    if (path.length > formDepthMax || !plant(root, path, value)) {
      return undefined;
    }
  }
  return plainObject(root);
}

type Tree = Map<string, Tree | string>;

function plant(root: Tree, path: readonly string[], value: string): boolean {
  let at = root;
  for (const name of path.slice(0, -1)) {
    const next: Tree | string = at.get(name) ?? new Map();
    if (typeof next === "string") {
      return false;
    }
    at.set(name, next);
    at = next;
  }
  const last = path.at(-1) ?? "";
  if (at.has(last)) {
    return false;
  }
  at.set(last, value);
  return true;
}

function plain(tree: Tree | string): FormValue {
  if (typeof tree === "string") {
    return tree;
  }
  const list = listOf(tree);
  return list ?? plainObject(tree);
}

function plainObject(tree: Tree): Record<string, FormValue> {
  return Object.fromEntries([...tree].map(([name, inner]) => [name, plain(inner)]));
}

/** `{1: …, 2: …}` or `{member: {1: …}}` as a list, in the order of the numbers. */
function listOf(tree: Tree): FormValue[] | undefined {
  const names = [...tree.keys()];
  if (names.length > 0 && names.every((name) => /^[1-9]\d*$/.test(name))) {
    return names.sort((a, b) => Number(a) - Number(b)).map((name) => plain(tree.get(name) ?? ""));
  }
  const only = names.length === 1 ? tree.get(names[0] ?? "") : undefined;
  return only instanceof Map ? listOf(only) : undefined;
}
