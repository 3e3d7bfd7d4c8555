import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "rolldown/parseAst";

/** Where a person meets a code. */
export type CodeGroup = "cli" | "api" | "condition" | "proxy";

/** A code that the sources use, and where. */
export interface FoundCode {
  readonly group: CodeGroup;
  readonly code: string;
  /** Path of the source, from the checkout. */
  readonly file: string;
}

/** What the sources say: the codes, and the places that could not be read. */
export interface CodeReport {
  readonly codes: readonly FoundCode[];
  /** One line each. A code that is made in a way that is not understood would be missing without anybody noticing. */
  readonly problems: readonly string[];
}

/** A node of the syntax tree (ESTree with TypeScript's additions), as far as it is looked at. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Which argument of a call or constructor is a code, and of which group. */
const places: Readonly<Record<string, { readonly group: CodeGroup; readonly argument: number }>> = {
  UserError: { group: "cli", argument: 0 },
  ControlFailure: { group: "cli", argument: 1 },
  HttpProblem: { group: "api", argument: 1 },
  refused: { group: "condition", argument: 1 },
  refuse: { group: "condition", argument: 1 },
  waiting: { group: "condition", argument: 0 },
  stalled: { group: "condition", argument: 0 },
  notReady: { group: "condition", argument: 0 },
  stalledAt: { group: "condition", argument: 0 },
  held: { group: "condition", argument: 0 },
  ready: { group: "condition", argument: 0 },
  condition: { group: "condition", argument: 2 },
};

/** Folders whose `reason` properties and calls make conditions; elsewhere such names mean other things. */
const conditionFolders = ["controller/reconcile/", "controller/admission/"];

const codePattern = /^[A-Z][A-Za-z]*[a-z][A-Za-z]*$/;

/** Types whose literals are codes wherever they are declared. */
const codeTypes: Readonly<Record<string, CodeGroup>> = { Replay: "api", RefusalCode: "proxy" };

/** Names by which a code that was made, and is collected, elsewhere is handed on. */
const handedOn: ReadonlySet<string> = new Set(["code", "reason", "health", "late", "readyReason", "replay"]);
/** What stands in a code's place where functions of one name are called in different ways: a sentence is no code. */
const sentences: ReadonlySet<string> = new Set(["message", "TemplateLiteral"]);

/** Reads every source that is not a test and collects the codes that people can meet. */
export function collectCodes(root: string): CodeReport {
  const files = globSync("{lib,kinds,wire,audit,controller,proxy,cli}/**/*.ts", { cwd: root })
    .filter((file) => !/(\.test|\/testing|\/contract|\/model-\w+)\.ts$|\/generated\//.test(file))
    .toSorted();
  const sources = files.map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));
  return collectFrom(sources);
}

/** The same of sources at hand. */
export function collectFrom(sources: readonly { readonly file: string; readonly text: string }[]): CodeReport {
  const trees = sources.map(({ file, text }) => ({
    file,
    text,
    tree: parseAst(text, { lang: "ts" }, file) as unknown as Node,
  }));
  const exported = new Map(trees.flatMap(({ tree }) => [...constantsOf(tree, true)]));
  const codes: FoundCode[] = [];
  const problems: string[] = [];
  for (const { file, text, tree } of trees) {
    const constants = new Map([...exported, ...constantsOf(tree, false)]);
    walk(tree, (node) => {
      for (const { group, value } of codesAt(node, file)) {
        const read = readCode(value, constants);
        const known = read.codes.filter((code) => group !== "condition" || codePattern.test(code));
        codes.push(...known.map((code) => ({ group, code, file })));
        const unread = read.unread.filter(
          (name) => !handedOn.has(name) && !(group === "condition" && sentences.has(name)),
        );
        problems.push(...unread.map((what) => `${file}:${lineOf(text, node.start)}: cannot read the code ${what}`));
      }
    });
  }
  return { codes, problems };
}

/** Arguments that a place may hold. */
function codesAt(node: Node, file: string): readonly { readonly group: CodeGroup; readonly value: Node }[] {
  const isCondition = conditionFolders.some((folder) => file.startsWith(folder));
  const isServe = file.startsWith("controller/serve/");
  switch (node.type) {
    case "CallExpression":
    case "NewExpression": {
      const place = Object.hasOwn(places, nameOf(node["callee"])) ? places[nameOf(node["callee"])] : undefined;
      const value = (node["arguments"] as readonly Node[])[place?.argument ?? 0];
      return place === undefined || value === undefined || (place.group === "condition" && !isCondition)
        ? []
        : [{ group: place.group, value }];
    }
    // `{ reason: "PrincipalGone", … }`, and `{ code: "TooManyTails", … }` of the control API
    case "Property":
      if (isCondition && nameOf(node["key"]) === "reason") {
        return [{ group: "condition", value: node["value"] as Node }];
      }
      return isServe && nameOf(node["key"]) === "code" ? literalsOf(node["value"], "api") : [];
    // `class PinMismatch extends UserError { constructor() { super("ControllerKeyMismatch", …`
    case "ClassDeclaration":
      return node["superClass"] !== null && nameOf(node["superClass"]) === "UserError" ? superCodes(node) : [];
    // `type ReviewRefusal = "NotAnApprover" | …`, `readonly health: "Unreachable" | …`
    case "TSTypeAliasDeclaration":
      return literalsOf(node["typeAnnotation"], groupOfType(nameOf(node["id"]), isCondition));
    case "TSPropertySignature":
      return isCondition && ["reason", "health"].includes(nameOf(node["key"]))
        ? literalsOf(node["typeAnnotation"], "condition")
        : [];
    default:
      return [];
  }
}

function superCodes(declaration: Node): readonly { readonly group: CodeGroup; readonly value: Node }[] {
  const found: { readonly group: CodeGroup; readonly value: Node }[] = [];
  walk(declaration, (node) => {
    const [value] = (node["arguments"] as readonly Node[] | undefined) ?? [];
    if (node.type === "CallExpression" && nameOf(node["callee"]) === "Super" && value !== undefined) {
      found.push({ group: "cli", value });
    }
  });
  return found;
}

function groupOfType(name: string, isCondition: boolean): CodeGroup | undefined {
  const known = Object.hasOwn(codeTypes, name) ? codeTypes[name] : undefined;
  return known ?? (isCondition && /(Refusal|Reason)$/.test(name) ? "condition" : undefined);
}

/** The string literals of a type or a value. */
function literalsOf(
  of: unknown,
  group: CodeGroup | undefined,
): readonly { readonly group: CodeGroup; readonly value: Node }[] {
  const literals: Node[] = [];
  walk(of as Node, (node) => {
    if (node.type === "Literal" && typeof node["value"] === "string") {
      literals.push(node);
    }
  });
  return group === undefined ? [] : literals.map((value) => ({ group, value }));
}

/** The codes that an expression can be; what is not one is named, so that nothing is left out unseen. */
function readCode(
  node: Node,
  constants: ReadonlyMap<string, readonly string[]>,
): { readonly codes: readonly string[]; readonly unread: readonly string[] } {
  const both = (one: unknown, other: unknown) => {
    const [first, second] = [readCode(one as Node, constants), readCode(other as Node, constants)];
    return { codes: [...first.codes, ...second.codes], unread: [...first.unread, ...second.unread] };
  };
  switch (node.type) {
    case "Literal":
      return { codes: node["value"] === "" ? [] : [String(node["value"])], unread: [] };
    case "ConditionalExpression":
      return both(node["consequent"], node["alternate"]);
    case "LogicalExpression":
      return both(node["left"], node["right"]);
    case "Identifier": {
      const made = constants.get(nameOf(node));
      return made === undefined ? { codes: [], unread: [nameOf(node)] } : { codes: made, unread: [] };
    }
    default:
      return { codes: [], unread: [nameOf(node)] };
  }
}

/** Constants of a source that hold codes, by name: all, or those that others can import. */
function constantsOf(tree: Node, isExported: boolean): ReadonlyMap<string, readonly string[]> {
  const constants = new Map<string, readonly string[]>();
  const read = (node: Node): void => {
    if (node.type !== "VariableDeclarator" || typeof node["init"] !== "object" || node["init"] === null) {
      return;
    }
    const { codes, unread } = readCode(node["init"] as Node, new Map());
    if (codes.length > 0 && unread.length === 0 && codes.every((code) => codePattern.test(code))) {
      constants.set(nameOf(node["id"]), codes);
    }
  };
  walk(tree, (node) => {
    if (!isExported) {
      read(node);
    } else if (node.type === "ExportNamedDeclaration") {
      walk(node, read);
    }
  });
  return constants;
}

/** `x` of `x`, `y` of `x.y`; a node of another type by its type. */
function nameOf(node: unknown): string {
  const { type, name, property } = node as Node;
  if (type === "MemberExpression") {
    return nameOf(property);
  }
  return typeof name === "string" ? name : type;
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      if (typeof child === "object" && child !== null && "type" in child) {
        walk(child as Node, visit);
      }
    }
  }
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
