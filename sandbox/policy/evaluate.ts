import type { PolicyDocument, PolicyStatement } from "../service.ts";
import { contextLookup, evaluateCondition } from "./condition.ts";
import type { Context, ContextLookup } from "./condition.ts";
import { compilePattern, matchPattern } from "./pattern.ts";
import type { VariableLookup } from "./pattern.ts";

/** What someone wants to do. `action` is `service:Operation`, `resource` one ARN (or `*` for operations that have none). */
export interface AccessRequest {
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
}

/** The outcome and what decided it. */
export interface AccessDecision {
  readonly effect: "Allow" | "ExplicitDeny" | "ImplicitDeny";
  /** The deciding statement; undefined for an implicit deny and for an administrator. */
  readonly statement: StatementPosition | undefined;
  /** One sentence for logs and test messages. */
  readonly reason: string;
}

/** Where a statement stands: document and statement counted from 0, and its Sid if it has one. */
interface StatementPosition {
  readonly document: number;
  readonly index: number;
  readonly sid: string | undefined;
}

/**
 * Decides as IAM does for identity-based policies (IAM User Guide, "Policy evaluation logic"): an explicit deny wins,
 * then an allow, and what nobody allows is denied. What cannot be understood (an unknown operator, a value of the wrong
 * form) never allows and always denies.
 */
export function evaluateAccess(
  permissions: "administrator" | readonly PolicyDocument[],
  request: AccessRequest,
): AccessDecision {
  if (permissions === "administrator") {
    return { effect: "Allow", statement: undefined, reason: "the caller is an administrator" };
  }
  const lookup = contextLookup(request.context);
  let allowed: StatementPosition | undefined;
  for (const [document, policy] of permissions.entries()) {
    // Policy variables exist only since this version; before it they are ordinary text.
    const variables = policy.Version === "2012-10-17" ? variablesFrom(lookup) : undefined;
    for (const [index, statement] of asList(policy.Statement).entries()) {
      const position = { document, index, sid: statement.Sid };
      const applies = statementApplies(statement, request, lookup, variables);
      if (applies && statement.Effect === "Deny") {
        return { effect: "ExplicitDeny", statement: position, reason: `denied by ${describe(position)}` };
      }
      if (applies && statement.Effect === "Allow") {
        allowed ??= position;
      }
    }
  }
  return allowed === undefined
    ? { effect: "ImplicitDeny", statement: undefined, reason: `no statement allows ${request.action}` }
    : { effect: "Allow", statement: allowed, reason: `allowed by ${describe(allowed)}` };
}

function statementApplies(
  statement: PolicyStatement,
  request: AccessRequest,
  lookup: ContextLookup,
  variables: VariableLookup | undefined,
): boolean {
  return (
    matchesAction(statement, request.action) &&
    matchesResource(statement, request.resource, variables) &&
    conditionsMet(statement, lookup, variables)
  );
}

function matchesAction(statement: PolicyStatement, action: string): boolean {
  const matches = (patterns: string | readonly string[]): boolean =>
    asList(patterns).some((text) => {
      const pattern = compilePattern(text.toLowerCase(), undefined);
      return pattern !== undefined && matchPattern(pattern, action.toLowerCase());
    });
  if (statement.Action !== undefined) {
    return matches(statement.Action);
  }
  return statement.NotAction !== undefined && !matches(statement.NotAction);
}

function matchesResource(statement: PolicyStatement, resource: string, variables: VariableLookup | undefined): boolean {
  const { Resource, NotResource } = statement;
  if (Resource !== undefined) {
    return asList(Resource).some((text) => {
      const pattern = compilePattern(text, variables);
      return pattern !== undefined && matchPattern(pattern, resource);
    });
  }
  if (NotResource === undefined) {
    return false;
  }
  const patterns = asList(NotResource).map((text) => compilePattern(text, variables));
  if (patterns.includes(undefined)) {
    // Nobody can say what is excluded: as with an unknown operator, never allow and always deny.
    return statement.Effect === "Deny";
  }
  return !patterns.some((pattern) => pattern !== undefined && matchPattern(pattern, resource));
}

function conditionsMet(
  statement: PolicyStatement,
  lookup: ContextLookup,
  variables: VariableLookup | undefined,
): boolean {
  for (const [operator, keys] of Object.entries(statement.Condition ?? {})) {
    for (const [key, values] of Object.entries(keys)) {
      const outcome = evaluateCondition(operator, key, values, lookup, variables);
      if (outcome === "unmet" || (outcome === "invalid" && statement.Effect !== "Deny")) {
        return false;
      }
    }
  }
  return true;
}

/** A variable stands for the first value of its key; multi-valued keys cannot be variables (IAM User Guide). */
function variablesFrom(lookup: ContextLookup): VariableLookup {
  return (name) => {
    const values = lookup(name);
    return values?.length === 1 ? values[0] : undefined;
  };
}

function describe(position: StatementPosition): string {
  const place = `statement ${position.index} of policy ${position.document}`;
  return position.sid === undefined ? place : `${place} (${position.sid})`;
}

function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
