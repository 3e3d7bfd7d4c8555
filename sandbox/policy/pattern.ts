/**
 * A policy string made ready to match: each element is one literal character, `any` (`*`) or `one` (`?`).
 * What a policy variable brought in is always literal, so that a person's name cannot smuggle in a wildcard.
 */
export type Pattern = readonly (string | typeof any | typeof one)[];

const any = Symbol("*");
const one = Symbol("?");

/** Gives the value of a policy variable such as `aws:userid`, or undefined when the request has none. */
export type VariableLookup = (name: string) => string | undefined;

/** `${name}` or `${name, 'default'}`; the three escapes `${*}`, `${?}` and `${$}` stand for the character itself. */
const variable = /\$\{([^}]*)\}/y;
const withDefault = /^([^,]+),\s*'([^']*)'$/;

/**
 * Reads a string of a policy as IAM does (IAM User Guide, "IAM policy elements: Variables and tags").
 * `variables` is undefined for documents older than Version 2012-10-17, where `${…}` is ordinary text.
 * Undefined when a variable has no value: such a string matches nothing.
 */
export function compilePattern(text: string, variables: VariableLookup | undefined): Pattern | undefined {
  const pattern: (string | typeof any | typeof one)[] = [];
  for (let at = 0; at < text.length;) {
    variable.lastIndex = at;
    const found = variables === undefined ? null : variable.exec(text);
    if (found !== null && variables !== undefined) {
      const value = resolve(found[1] ?? "", variables);
      if (value === undefined) {
        return undefined;
      }
      pattern.push(...value);
      at += found[0].length;
      continue;
    }
    const character = text.charAt(at);
    pattern.push(character === "*" ? any : character === "?" ? one : character);
    at += 1;
  }
  return pattern;
}

/** The pattern's text where nothing is a wildcard: what the operators without wildcards compare with. */
export function literalText(pattern: Pattern): string {
  return pattern.map((part) => (part === any ? "*" : part === one ? "?" : String(part))).join("");
}

/** Whether `value` matches as a whole. Linear in practice: only the latest `*` is ever tried again. */
export function matchPattern(pattern: Pattern, value: string): boolean {
  let patternAt = 0;
  let valueAt = 0;
  let starAt = -1;
  let retryAt = 0;
  while (valueAt < value.length) {
    const part = pattern[patternAt];
    if (part === any) {
      starAt = patternAt;
      retryAt = valueAt;
      patternAt += 1;
    } else if (part === one || part === value.charAt(valueAt)) {
      patternAt += 1;
      valueAt += 1;
    } else if (starAt >= 0) {
      patternAt = starAt + 1;
      retryAt += 1;
      valueAt = retryAt;
    } else {
      return false;
    }
  }
  return pattern.slice(patternAt).every((part) => part === any);
}

/**
 * ARN comparison of ArnLike and ArnEquals: the six colon-separated parts are compared one by one, so that a wildcard
 * never reaches over a colon, except within the last part, which may hold colons itself.
 */
export function matchArnPattern(pattern: Pattern, value: string): boolean {
  const patternParts = splitPattern(pattern);
  const valueParts = splitArn(value);
  return (
    patternParts.length === 6 &&
    valueParts.length === 6 &&
    patternParts.every((part, index) => matchPattern(part, valueParts[index] ?? ""))
  );
}

function resolve(expression: string, variables: VariableLookup): string | undefined {
  if (expression === "*" || expression === "?" || expression === "$") {
    return expression;
  }
  const parts = withDefault.exec(expression);
  return parts === null ? variables(expression.trim()) : (variables((parts[1] ?? "").trim()) ?? parts[2]);
}

function splitPattern(pattern: Pattern): Pattern[] {
  const parts: Pattern[] = [];
  let from = 0;
  for (let at = 0; at < pattern.length && parts.length < 5; at += 1) {
    if (pattern[at] === ":") {
      parts.push(pattern.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, pattern.slice(from)];
}

function splitArn(value: string): string[] {
  const parts = value.split(":");
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(":")];
}
