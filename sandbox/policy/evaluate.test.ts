import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PolicyDocument, PolicyStatement } from "../service.ts";
import { evaluateAccess } from "./evaluate.ts";
import type { AccessRequest } from "./evaluate.ts";

const request: AccessRequest = {
  action: "ssm:StartSession",
  resource: "arn:aws:ecs:eu-west-1:111122223333:task/main/0123456789abcdef0123456789abcdef",
  context: { "aws:userid": "AROAEXAMPLE:ada", "ssm:resourceTag/proxy": "main" },
};

function policy(...statements: PolicyStatement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}

function effect(statement: PolicyStatement, changes: Partial<AccessRequest> = {}): string {
  return evaluateAccess([policy(statement)], { ...request, ...changes }).effect;
}

describe("evaluateAccess", () => {
  it("denies what no statement allows, and says so", () => {
    const decision = evaluateAccess([], request);

    expect(decision).toEqual({
      effect: "ImplicitDeny",
      statement: undefined,
      reason: "no statement allows ssm:StartSession",
    });
  });

  it("lets an administrator do anything", () => {
    expect(evaluateAccess("administrator", request).effect).toBe("Allow");
  });

  it("names the statement that allowed", () => {
    const decision = evaluateAccess(
      [
        policy({ Effect: "Allow", Action: "s3:*", Resource: "*" }),
        policy({ Sid: "Tunnel", Effect: "Allow", Action: "ssm:Start*", Resource: "*" }),
      ],
      request,
    );

    expect(decision).toEqual({
      effect: "Allow",
      statement: { document: 1, index: 0, sid: "Tunnel" },
      reason: "allowed by statement 0 of policy 1 (Tunnel)",
    });
  });

  it("lets an explicit deny win, wherever it stands", () => {
    const allow: PolicyStatement = { Effect: "Allow", Action: "*", Resource: "*" };
    const deny: PolicyStatement = { Effect: "Deny", Action: "ssm:StartSession", Resource: "*" };

    const effects = [
      evaluateAccess([policy(allow, deny)], request).effect,
      evaluateAccess([policy(deny), policy(allow)], request).effect,
      evaluateAccess([policy(allow), policy(deny)], request).effect,
    ];

    expect(effects).toEqual(["ExplicitDeny", "ExplicitDeny", "ExplicitDeny"]);
  });

  it("compares actions without case and resources with it", () => {
    expect(effect({ Effect: "Allow", Action: "SSM:startsession", Resource: request.resource })).toBe("Allow");
    expect(effect({ Effect: "Allow", Action: "*", Resource: request.resource.toUpperCase() })).toBe("ImplicitDeny");
  });

  it("reads NotAction and NotResource as everything else", () => {
    expect(effect({ Effect: "Allow", NotAction: "ssm:StartSession", Resource: "*" })).toBe("ImplicitDeny");
    expect(effect({ Effect: "Allow", NotAction: "s3:*", Resource: "*" })).toBe("Allow");
    expect(effect({ Effect: "Allow", Action: "*", NotResource: ["arn:aws:ecs:*"] })).toBe("ImplicitDeny");
    expect(effect({ Effect: "Deny", Action: "*", NotResource: "arn:aws:s3:::*" })).toBe("ExplicitDeny");
  });

  it("takes no statement that lacks an action or a resource as an allow", () => {
    expect(effect({ Effect: "Allow", Resource: "*" })).toBe("ImplicitDeny");
    expect(effect({ Effect: "Allow", Action: "*" })).toBe("ImplicitDeny");
  });

  it("fills in policy variables, defaults and escapes", () => {
    const session = "arn:aws:ssm:eu-west-1:111122223333:session/AROAEXAMPLE:ada-x";
    const allow = (Resource: string): string =>
      effect({ Effect: "Allow", Action: "*", Resource }, { resource: session });

    expect(allow("arn:aws:ssm:*:*:session/${aws:userid}-*")).toBe("Allow");
    expect(allow("arn:aws:ssm:*:*:session/${aws:username}-*")).toBe("ImplicitDeny");
    expect(allow("arn:aws:ssm:*:*:session/${aws:username, 'AROAEXAMPLE:ada'}-*")).toBe("Allow");
    expect(allow("arn:aws:ssm:*:*:session/${*}")).toBe("ImplicitDeny");
  });

  it("keeps variables as text in documents older than 2012-10-17", () => {
    const old: PolicyDocument = { Statement: { Effect: "Allow", Action: "*", Resource: "${aws:userid}" } };

    expect(evaluateAccess([old], { ...request, resource: "AROAEXAMPLE:ada" }).effect).toBe("ImplicitDeny");
    expect(evaluateAccess([old], { ...request, resource: "${aws:userid}" }).effect).toBe("Allow");
  });

  it("never reads a wildcard out of a variable's value", () => {
    const context = { "aws:userid": "*" };

    const decision = evaluateAccess(
      [policy({ Effect: "Allow", Action: "*", Resource: "arn:aws:ssm:*:*:session/${aws:userid}" })],
      { ...request, context, resource: "arn:aws:ssm:eu-west-1:111122223333:session/someone-else" },
    );

    expect(decision.effect).toBe("ImplicitDeny");
  });

  it("fails closed on an operator that it does not know", () => {
    const Condition = { StringKindaLike: { "aws:userid": "*" } };

    expect(effect({ Effect: "Allow", Action: "*", Resource: "*", Condition })).toBe("ImplicitDeny");
    expect(effect({ Effect: "Deny", Action: "*", Resource: "*", Condition })).toBe("ExplicitDeny");
  });

  it("needs every condition of a statement", () => {
    const Condition = {
      StringEquals: { "ssm:ResourceTag/proxy": "main" },
      BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" },
    };
    const statement: PolicyStatement = { Effect: "Allow", Action: "*", Resource: "*", Condition };
    const checked = (value: string): AccessRequest["context"] => ({
      ...request.context,
      "ssm:SessionDocumentAccessCheck": value,
    });

    expect(effect(statement)).toBe("Allow");
    expect(effect(statement, { context: checked("true") })).toBe("Allow");
    expect(effect(statement, { context: checked("false") })).toBe("ImplicitDeny");
    expect(effect(statement, { context: { "ssm:resourceTag/proxy": "other" } })).toBe("ImplicitDeny");
  });
});

const statements = fc.record({
  Effect: fc.constantFrom("Allow" as const, "Deny" as const),
  Action: fc.constantFrom("*", "ssm:*", "ssm:StartSession", "s3:GetObject"),
  Resource: fc.constantFrom("*", request.resource, "arn:aws:ecs:*:*:task/main/*", "arn:aws:s3:::x"),
  Condition: fc.constantFrom(
    {},
    { StringEquals: { "ssm:resourceTag/proxy": "main" } },
    { StringEquals: { "ssm:resourceTag/proxy": "other" } },
    { Nonsense: { "aws:userid": "x" } },
  ),
});

describe("properties of evaluateAccess", () => {
  it("gives the same effect in whatever order statements stand", () => {
    fc.assert(
      fc.property(fc.array(statements, { maxLength: 8 }), fc.nat(), (list, seed) => {
        const rotated = list.map((_, index) => list[(index + seed) % list.length]).filter((one) => one !== undefined);

        const effects = [
          evaluateAccess([policy(...list)], request).effect,
          evaluateAccess([policy(...rotated)], request).effect,
          evaluateAccess(
            list.map((one) => policy(one)),
            request,
          ).effect,
        ];

        expect(new Set(effects).size).toBe(1);
      }),
    );
  });

  it("never allows more when a statement that denies is added", () => {
    fc.assert(
      fc.property(fc.array(statements, { maxLength: 6 }), statements, (list, extra) => {
        const before = evaluateAccess([policy(...list)], request).effect;
        const after = evaluateAccess([policy(...list, { ...extra, Effect: "Deny" })], request).effect;

        expect(before !== "Allow" && after === "Allow").toBe(false);
      }),
    );
  });
});
