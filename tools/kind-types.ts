import type { Schema } from "#kinds/schema.ts";

/** What the type writer needs to know of one CRD. */
export interface KindSource {
  readonly kind: string;
  /** `openAPIV3Schema` of the one served version. */
  readonly schema: Schema;
}

/**
 * TypeScript declarations for one kind: an interface per object of the schema, named by its path (list items in the
 * singular), with the schema's descriptions as doc comments and its bounds behind them.
 */
export function kindTypes({ kind, schema }: KindSource, apiVersion: string): string {
  const parts = ["spec", "status"].flatMap((part) => {
    const child = schema.properties?.[part];
    return child === undefined ? [] : [interfaces(`${kind}${pascal(part)}`, child)];
  });
  const root = [
    docComment(schema.description ?? "", ""),
    `export interface ${kind} {`,
    `  readonly apiVersion: ${JSON.stringify(apiVersion)};`,
    `  readonly kind: ${JSON.stringify(kind)};`,
    "  readonly metadata: ObjectMeta;",
    `  readonly spec: ${kind}Spec;`,
    `  readonly status?: ${kind}Status;`,
    "}",
  ].join("\n");
  const imports = [`import type { ObjectMeta } from "../meta.ts";`];
  if (parts.some((part) => part.includes("Condition[]"))) {
    imports.push(`import type { Condition } from "./condition.ts";`);
  }
  return `${[imports.join("\n"), root, ...parts].join("\n\n")}\n`;
}

/** Declaration of the condition, which all kinds share. */
export function conditionType(schema: Schema): string {
  return `${interfaces("Condition", schema)}\n`;
}

/** The interface `name` for an object schema, followed by those of the objects inside it. */
function interfaces(name: string, schema: Schema): string {
  const nested: string[] = [];
  const fields = Object.entries(schema.properties ?? {}).map(([field, child]) => {
    const optional = schema.required?.includes(field) === true ? "" : "?";
    return `${docComment(`${child.description ?? ""} ${bounds(child)}`.trim(), "  ")}\n  readonly ${field}${optional}: ${typeOf(
      `${name}${pascal(field)}`,
      field,
      child,
      nested,
    )};`;
  });
  const head = `${docComment(schema.description ?? "", "")}\nexport interface ${name}`;
  return [fields.length === 0 ? `${head} {}` : `${head} {\n${fields.join("\n")}\n}`, ...nested].join("\n\n");
}

function typeOf(name: string, field: string, schema: Schema, nested: string[]): string {
  switch (schema.type) {
    case "string":
    case "integer":
      return (
        schema.enum?.map((value) => JSON.stringify(value)).join(" | ") ??
        (schema.type === "string" ? "string" : "number")
      );
    case "boolean":
      return "boolean";
    case "array": {
      const item = schema.items ?? {};
      const itemType = field === "conditions" ? "Condition" : typeOf(singular(name), singular(field), item, nested);
      return itemType.includes(" ") ? `readonly (${itemType})[]` : `readonly ${itemType}[]`;
    }
    case "object":
      if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
        return `{ readonly [key: string]: ${typeOf(name, field, schema.additionalProperties, nested)} }`;
      }
      if (Object.keys(schema.properties ?? {}).length === 0) {
        return "{ readonly [key: string]: never }";
      }
      nested.push(interfaces(name, schema));
      return name;
    default:
      throw new Error(`${name}: type ${String(schema.type)} has no TypeScript form`);
  }
}

/** The bounds in words, for the doc comment; a pattern or an enumeration needs none. */
function bounds(schema: Schema): string {
  if (schema.type === "integer" && schema.minimum !== undefined && schema.maximum !== undefined) {
    return `(${schema.minimum}…${schema.maximum})`;
  }
  if (schema.format === "date-time") {
    return "(RFC 3339)";
  }
  if (schema.type === "string" && schema.enum === undefined && schema.maxLength !== undefined) {
    return `(at most ${schema.maxLength} characters)`;
  }
  return schema.type === "array" && schema.maxItems !== undefined ? `(at most ${schema.maxItems})` : "";
}

function docComment(text: string, indent: string): string {
  const clean = text.replaceAll("*/", "*\\/").replaceAll(/\s+/g, " ").trim();
  return `${indent}/** ${clean} */`;
}

function pascal(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function singular(word: string): string {
  return word.endsWith("s") ? word.slice(0, -1) : word;
}
