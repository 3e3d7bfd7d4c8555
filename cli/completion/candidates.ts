import type { Command, Option } from "../command.ts";

/** What a word may be: words that are known here, and what must be asked for or looked up. */
export interface Expected {
  readonly words: readonly Word[];
  readonly kind?: Kind;
}
/** A word with what it means. */
export interface Word {
  readonly value: string;
  readonly summary: string;
}
/** `databases` and so on: of the installation. `roles`: of the database typed before. `files`: of this computer. */
export type Kind = "databases" | "roles" | "targets" | "grants" | "sessions" | "files";

/** By placeholder, of positionals and of options. */
const kindOfPlaceholder: Readonly<Record<string, Kind>> = {
  GRANT: "grants",
  SESSION: "sessions",
  DATABASE: "databases",
  ROLE: "roles",
  "DATABASE[:ROLE]": "targets",
  FILE: "files",
  DIR: "files",
  PATH: "files",
};
/** Options whose placeholder says only that they take a name. */
const kindOfOption: Readonly<Record<string, Kind>> = { database: "databases", role: "roles" };

/** What every command takes besides its own (cli/run.ts). */
const common: readonly Option[] = [
  { name: "output", short: "o", value: "FORMAT", values: ["text", "json"], summary: "text or json" },
  { name: "help", short: "h", summary: "show what it takes" },
];

/** What the last of `words` may be, which is being typed. `words`: as typed after `sallyport`. `database`: the one typed before, for roles. Pure. */
export function expectedWord(commands: readonly Command[], words: readonly string[]): Expected & { database?: string } {
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const command = commandOf(commands, before);
  if (command === undefined) {
    return { words: groupWords(commands, before) };
  }
  const options = [...command.options, ...common];
  const { positionals, open, used } = parse(before.slice(command.name.split(" ").length), options);
  const database = used.get("database") ?? (command.positionals?.[0] === "DATABASE" ? positionals[0] : undefined);
  const about = database === undefined ? {} : { database };
  if (open !== undefined) {
    return { ...valueOf(open), ...about };
  }
  if (current.startsWith("-")) {
    const left = options.filter(({ name, repeatable }) => repeatable === true || !used.has(name));
    return { words: left.map(({ name, summary }) => ({ value: `--${name}`, summary })) };
  }
  return { ...positionalOf(command, positionals.length), ...about };
}

/** The command whose whole name stands at the beginning. */
function commandOf(commands: readonly Command[], words: readonly string[]): Command | undefined {
  const fitting = commands.filter(({ name }) => name.split(" ").every((word, index) => words[index] === word));
  return fitting.toSorted((one, other) => other.name.length - one.name.length)[0];
}

/** The next words of names that begin with `before`. */
function groupWords(commands: readonly Command[], before: readonly string[]): Word[] {
  const found = new Map<string, Word>();
  for (const { name, summary, hidden } of commands) {
    const parts = name.split(" ");
    const next = parts[before.length];
    if (hidden !== true && next !== undefined && before.every((word, index) => parts[index] === word)) {
      const isWhole = parts.length === before.length + 1;
      found.set(next, found.get(next) ?? { value: next, summary: isWhole ? summary : `${next} …` });
    }
  }
  return [...found.values()];
}

interface Parsed {
  readonly positionals: readonly string[];
  /** The option whose value is being typed. */
  readonly open: Option | undefined;
  /** Options so far, with their values. */
  readonly used: ReadonlyMap<string, string>;
}

function parse(words: readonly string[], options: readonly Option[]): Parsed {
  const positionals: string[] = [];
  const used = new Map<string, string>();
  let open: Option | undefined;
  for (const word of words) {
    if (open !== undefined) {
      used.set(open.name, word);
      open = undefined;
      continue;
    }
    const option = options.find(({ name, short }) => word === `--${name}` || word === `-${short}`);
    if (option !== undefined) {
      used.set(option.name, "");
      open = option.value === undefined ? undefined : option;
    } else if (!word.startsWith("-")) {
      positionals.push(word);
    }
  }
  return { positionals, open, used };
}

function valueOf({ name, value = "", values }: Option): Expected {
  if (values !== undefined) {
    return { words: values.map((one) => ({ value: one, summary: "" })) };
  }
  const kind = kindOfOption[name] ?? kindOfPlaceholder[value];
  return { words: [], ...(kind === undefined ? {} : { kind }) };
}

function positionalOf({ positionals = [], values = [] }: Command, index: number): Expected {
  const last = positionals.at(-1) ?? "";
  const placeholder = (positionals[index] ?? (last.includes("…") ? last : "")).replace(/^\[(?:-- )?|\]$|…/g, "");
  const kind = kindOfPlaceholder[placeholder.replaceAll(/^\[|\]$/g, "")];
  return {
    words: index === 0 ? values.map((value) => ({ value, summary: "" })) : [],
    ...(kind === undefined ? {} : { kind }),
  };
}
